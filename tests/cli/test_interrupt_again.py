"""Ctrl-C that falls into a finalizer, where Python itself would only print it."""

from __future__ import annotations

from tests.flow.commands import python

FALLS_INTO_A_FINALIZER = """
import signal, sys, time
from commonweal.__main__ import interrupt_again

class Dying:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)

if {hooked}:
    sys.unraisablehook = interrupt_again
try:
    dying = Dying()
    del dying
    for _ in range(1000):
        time.sleep(0.001)
    print("went on")
except KeyboardInterrupt:
    print("stopped")
"""


def test_it_is_raised_once_more_where_it_would_be_lost() -> None:
    assert python("-c", FALLS_INTO_A_FINALIZER.format(hooked=False)).out.strip() == "went on", "what Python does"
    ended = python("-c", FALLS_INTO_A_FINALIZER.format(hooked=True))
    assert (ended.out.strip(), ended.err) == ("stopped", "")


def test_other_mistakes_of_finalizers_are_told_as_ever() -> None:
    script = (
        "import sys\nfrom commonweal.__main__ import interrupt_again\nsys.unraisablehook = interrupt_again\n"
        "class Dying:\n    def __del__(self): raise ValueError('in the finalizer')\nDying()\n"
    )
    assert "in the finalizer" in python("-c", script).err
