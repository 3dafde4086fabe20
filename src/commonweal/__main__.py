"""`python -m commonweal`."""

from commonweal.cli import app

app()
