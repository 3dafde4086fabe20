"""`python -m commonweal`, and the command `commonweal`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being read ends it in one line, too."""
    try:
        from commonweal.cli import app  # noqa: PLC0415 - Ctrl-C may come before it is read
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped. Nothing is kept: the same command begins anew.\n")
        sys.exit(130)
    app()


if __name__ == "__main__":
    main()
