"""Recomputes the figures of a report from the inputs that it states: which follow, which do not, and which cannot be
checked.

What it does: arithmetic, units, price years. What it does not do: it does not know whether an input is true, and a
claim that follows from wrong inputs follows. A named suspicion is the one known slip whose factor would explain the
difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

from commonweal.errors import DataFileError, FootprintError
from commonweal.footprint.carbon_price import PRICES
from commonweal.footprint.claims.claim_file import read_claims
from commonweal.footprint.claims.claim_needed import needed_text
from commonweal.footprint.claims.claim_records import Claim, ClaimFile, Verdict
from commonweal.footprint.claims.claim_suspicions import ClaimSetting, Slip, close, digit_lost, explaining, slips
from commonweal.footprint.claims.claim_units import Unit
from commonweal.footprint.claims.claim_values import Inputs, Known, Values
from commonweal.footprint.claims.claim_words import deviates_text, follows_text, number_text

SHIPPED = "claims_society_chapter.yaml"
DIGIT_LOST = "digit_lost"
PRICE_YEAR = "price_year"
MOST_NAMED = 5


def check_claims(file: ClaimFile) -> list[Verdict]:
    """A verdict for every claim, in the order of the file; DataFileError where a formula cannot take its inputs."""
    known: dict[str, Known] = {}
    for name in file.order:
        claim = file.claims[name]
        try:
            known[name] = _judged(claim, file.claims, known)
        except FootprintError as error:
            raise DataFileError(f"{file.name}:{claim.line} claim '{claim.id}': {error}") from None
    return [known[name].verdict for name in file.claims]


def shipped_claims() -> ClaimFile:
    """The claims of section 5.3 of Bommasani et al. 2021, as facts in our own words."""
    with as_file(files("commonweal.footprint") / SHIPPED) as path:
        file = read_claims(path)
    return ClaimFile(SHIPPED, file.claims, file.order)


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data, for JSON; numbers are in the unit of the claim."""
    claim = verdict.claim
    return {
        "claim": claim.id,
        "quantity": claim.quantity,
        "verdict": verdict.outcome,
        "claimed": claim.claimed.value,
        "unit": claim.claimed.unit.text,
        "recomputed": verdict.recomputed,
        "ratio": verdict.ratio,
        "tolerance": claim.tolerance,
        "suspicion": verdict.suspicion or None,
        "explanation": verdict.explanation,
        "missing": list(verdict.missing),
        "inherits": list(verdict.inherits),
        "rebuilt": verdict.rebuilt,
        "remarks": list(verdict.remarks),
        "sources": list(verdict.sources),
    }


def _judged(claim: Claim, claims: Mapping[str, Claim], known: Mapping[str, Known]) -> Known:
    if not claim.formula or not claim.inputs:
        missing = "inputs" if claim.formula else "formula and inputs"
        text = f"no {missing.replace(' and ', ' or ')} given, so nothing can be recomputed"
        return Known(_verdict(claim, "cannot_be_checked", text, missing=(missing,), remarks=_own_remarks(claim)))
    inputs = Inputs(claim, claims, known)
    stated = inputs.values()
    remarks = _remarks(claim, inputs, stated)
    if stated.missing:
        return Known(_unchecked(inputs, stated, remarks), pues=inputs.pues, wrong=inputs.wrong)
    value = inputs.compute(stated)
    rebuilt = inputs.compute(inputs.values(rebuilt=True)) if inputs.wrong else value
    verdict = _compared(inputs, stated, value, rebuilt, remarks)
    wrong = (*inputs.wrong, claim.id) if verdict.outcome == "does_not_follow" else inputs.wrong
    return Known(verdict, value, rebuilt, inputs.pues, wrong)


def _unchecked(inputs: Inputs, stated: Values, remarks: tuple[str, ...]) -> Verdict:
    """Which input is missing, and what it would have to be; or money of another year without a deflator, taken at
    face value.
    """
    claim = inputs.claim
    if stated.no_deflator and not (face := inputs.values(face=True)).missing:
        value = inputs.compute(face, face=True)
        if value is not None and close(
            claim.claimed.value, value / claim.claimed.unit.factor, claim.tolerance, claim.claimed.half_digit
        ):
            text = (
                "the number is that of another price year, unconverted; missing: "
                f"{'; '.join(stated.missing.values())}; suspicion: "
            )
            text += "the price year is wrong"
            return _verdict(
                claim, "does_not_follow", text, suspicion=PRICE_YEAR, inherits=inputs.wrong, remarks=remarks
            )
    text = "missing: " + "; ".join(f"{name} ({why})" for name, why in stated.missing.items())
    if len(stated.missing) == 1 and (more := needed_text(claim, stated.numbers, next(iter(stated.missing)))):
        text += f"; {more}"
    return _verdict(
        claim, "cannot_be_checked", text, missing=tuple(stated.missing), inherits=inputs.wrong, remarks=remarks
    )


def _compared(
    inputs: Inputs, stated: Values, value: float | None, rebuilt: float | None, remarks: tuple[str, ...]
) -> Verdict:
    claim = inputs.claim
    claimed, unit = claim.claimed, claim.claimed.unit
    again = _in_unit(rebuilt, unit)
    after = _inherited_text(claim, inputs.wrong, again)
    rest = {"inherits": inputs.wrong, "rebuilt": again if inputs.wrong else None, "remarks": remarks}
    own = _in_unit(value, unit)
    if value is None or own is None:
        text = "the inputs give never: one task costs as much with the shared model as without, or more"
        return _verdict(claim, "does_not_follow", text + after, **rest)
    rest |= {"recomputed": own, "ratio": claimed.value / own if own and math.isfinite(claimed.value / own) else None}
    if close(claimed.value, own, claim.tolerance, claimed.half_digit):
        return _verdict(claim, "follows", follows_text(claim, own) + after, **rest)
    found = explaining(claimed.value, own, claim.tolerance, claimed.half_digit, _possible(inputs, value))
    digit = not found and digit_lost(claimed.value, own)
    suspicion = found[0].name if len(found) == 1 else DIGIT_LOST if digit else ""
    return _verdict(
        claim, "does_not_follow", deviates_text(claim, own, found, digit) + after, suspicion=suspicion, **rest
    )


def _in_unit(value: float | None, unit: Unit) -> float | None:
    if value is not None and not math.isfinite(value / unit.factor):
        raise FootprintError(
            f"the inputs give no finite number of {unit.text}; expected numbers that can be multiplied"
        )
    return None if value is None else value / unit.factor


def _possible(inputs: Inputs, value: float) -> list[Slip]:
    """The slips that could have happened to this claim; money at face value shows what a forgotten conversion would
    give.
    """
    face = inputs.compute(inputs.values(face=True), face=True)
    ratio = face / value if face is not None and value else 1.0
    return slips(ClaimSetting(inputs.dims(), inputs.pues, ratio))


def _inherited_text(claim: Claim, wrong: tuple[str, ...], rebuilt: float | None) -> str:
    if not wrong:
        return ""
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    named = ", ".join(f"'{one}'" for one in wrong[:MOST_NAMED]) + more
    mended = f"with that mended the inputs give {number_text(rebuilt)}"
    agrees = rebuilt is not None and close(claim.claimed.value, rebuilt, claim.tolerance, claim.claimed.half_digit)
    return (
        f"; it rests on {named}, which {'does' if len(wrong) == 1 else 'do'} not follow; "
        f"{mended}{', as claimed' if agrees else ''}"
    )


def _own_remarks(claim: Claim) -> tuple[str, ...]:
    return (claim.remark,) if claim.remark else ()


def _remarks(claim: Claim, inputs: Inputs, stated: Values) -> tuple[str, ...]:
    remarks = list(_own_remarks(claim))
    remarks += dict.fromkeys(stated.years)
    if stated.pue_dropped:
        remarks.append(f"the PUE is in claim '{claim.inputs['energy'].claim}' already, so it is not applied again here")
    for name, below in inputs.below.items():
        if below.verdict.outcome == "cannot_be_checked":
            remarks.append(f"`{name}` is claim '{below.verdict.claim.id}', which cannot be checked itself")
    if claim.formula == "carbon_price" and not stated.missing:
        price = PRICES[stated.words["table"]]
        cells = zip(price.rates, price.by_year[int(stated.words["year"])], strict=True)
        row = ", ".join(f"{rate}: {value:g}" for rate, value in cells)
        remarks.append(f"one cell of a table; its row for {stated.words['year']}, in {price.unit}: {row}")
    return tuple(remarks)


def _verdict(claim: Claim, outcome: str, explanation: str, **rest: Any) -> Verdict:
    sources = dict.fromkeys([claim.source, *(one.source for one in claim.inputs.values() if one.source)])
    return Verdict(claim, outcome, explanation, sources=tuple(sources), **rest)  # type: ignore[arg-type]
