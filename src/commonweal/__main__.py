"""`python -m commonweal`, and the command `commonweal`."""

import _thread
import sys
import threading

SOON_S = 0.01  # when the finalizer has ended


def main() -> None:
    """Run the command line; Ctrl-C while it is still being read ends it in one line, too."""
    sys.unraisablehook = interrupt_again
    try:
        from commonweal.cli import app  # noqa: PLC0415 - Ctrl-C may come before it is read
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped. Nothing is kept: the same command begins anew.\n")
        sys.exit(130)
    app()


def interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
    """A Ctrl-C that falls into the finalizer of some object would be printed and lost: it is raised once more, as soon
    as the program goes on.
    """
    if issubclass(lost.exc_type, KeyboardInterrupt):
        again = threading.Timer(SOON_S, _thread.interrupt_main)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)


if __name__ == "__main__":
    main()
