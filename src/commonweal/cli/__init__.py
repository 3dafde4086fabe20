"""The command line: verbs only.

Exit codes: 0 complete; 1 beyond --fail-on; 2 bad input; 3 some rows failed (3 outranks 1).
"""

from commonweal.cli.verbs import app

__all__ = ["app"]
