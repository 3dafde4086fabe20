"""A number written with a comma inside braces, which YAML reads as two entries: what was probably meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BEFORE = re.compile(r"[-+]?\d+(,\d{3})*")
LONGEST = 40  # characters of a number; what is longer is a list, and no join of it is looked at again
_AFTER = re.compile(r"(?P<digits>\d+)(?P<unit>\s*[^\d\s].*)?")


@dataclass(frozen=True, slots=True)
class CommaNumber:
    """The number as it was `written`, as it is `read` on, and how to `mend` it."""

    written: str
    read: str
    mend: str


def joined_at_comma(before: str, after: str) -> CommaNumber | None:
    """The number that `before` and `after` a comma make together; None where they are not parts of one.

    >>> joined_at_comma("0", "45").mend, joined_at_comma("400", "000 task/year").mend
    ('write 0.45 with a point', 'write 400000 without commas')
    >>> joined_at_comma("12", "500").mend
    'write 12500 without commas, or 12.5 with a point'
    """
    match = _AFTER.fullmatch(after)
    if match is None or len(before) > LONGEST or _BEFORE.fullmatch(before) is None:
        return None
    digits, whole = match["digits"], before.replace(",", "")
    decimal = f"{whole}.{digits}"
    if len(digits) != 3 or not whole.strip("+-0"):
        return CommaNumber(f"{before},{after}", decimal + (match["unit"] or ""), f"write {decimal} with a point")
    point = f", or {decimal.rstrip('0')} with a point" if digits.strip("0") and "," not in before else ""
    return CommaNumber(f"{before},{after}", f"{before},{after}", f"write {whole}{digits} without commas{point}")
