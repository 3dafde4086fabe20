"""ASK: a language model (opening.py) or an application (applications/opening.py), checked before (preflight.py)."""
