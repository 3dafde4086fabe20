"""Charts that several tests of a process draw, drawn once: a page has dozens, and each takes a tenth of a second."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import vl_convert

draw = vl_convert.vegalite_to_svg


def drawn_once(chart: dict[str, Any], **options: Any) -> str:
    """In place of `vl_convert.vegalite_to_svg`."""
    return _drawn(json.dumps(chart), json.dumps(options))


@cache
def _drawn(chart: str, options: str) -> str:
    return str(draw(json.loads(chart), **json.loads(options)))
