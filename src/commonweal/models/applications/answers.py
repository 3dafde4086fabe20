"""What an HTTP or Python application answered, read as a Decision, or refused with what was expected.

A value that cannot be read is never turned into "unfavourable": that would be a finding about the reader. Nor is a
decision that stands beside an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from commonweal.errors import ApplicationError
from commonweal.files.foreign_text import one_line, whole
from commonweal.models.protocols import Decision
from commonweal.system.decisions import Outcome

LONGEST_OPTION = 1000
SHOWN = 80
NO_CHARACTER = "\ufffd"  # stands where half of a surrogate pair stood


def reported_error(answer: object) -> str:
    """What is wrong by the word of the application itself ("": nothing): an answer with a field `error` that says
    something.

    >>> reported_error({"error": "no model"}), reported_error({"error": None, "score": 0.5})
    ("it reports an error (str 'no model')", '')
    """
    error = answer.get("error") if isinstance(answer, Mapping) else None
    return f"it reports an error ({_shown(error)})" if error else ""


def decision_of(answer: object, outcome: Outcome, *, where: str) -> Decision:
    """Read one answer: true/false, an option by name, a score, or a mapping with `decision` and/or `score`.

    An answer that is not among the declared options is kept as it is and decides nothing: `favourable` is None.

    >>> decision_of("invite", Outcome(favourable="invite"), where="item 1")
    Decision(option='invite', favourable=True, score=None)
    """
    plain: Any = answer.item() if type(answer).__module__ == "numpy" and hasattr(answer, "item") else answer
    if error := reported_error(plain):
        raise ApplicationError(f"{where}: {error}")
    if isinstance(plain, Mapping):
        if not {"decision", "score"} & plain.keys():
            fields = one_line(", ".join(map(str, plain)), SHOWN) or "none"
            raise ApplicationError(f"{where}: the answer has the fields {fields}; expected `decision`, `score` or both")
        option, score = _option(plain.get("decision"), outcome, where), _score(plain.get("score"), where)
    elif isinstance(plain, (bool, str)):
        option, score = _option(plain, outcome, where), None
    elif isinstance(plain, Real):
        option, score = None, _score(plain, where)
    else:
        raise ApplicationError(
            f"{where}: got {_shown(plain)}; expected true or false, an option by name, a score, or fields `decision` "
            "and `score`"
        )
    return _decided(option, score, outcome, where)


def _option(value: object, outcome: Outcome, where: str) -> str | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ApplicationError(
            f"{where}: the decision is {_shown(value)}; expected a text such as '{outcome.favourable}', or true or "
            "false"
        )
    value = whole(value)
    if NO_CHARACTER in value:
        raise ApplicationError(
            f"{where}: the decision is '{one_line(value, SHOWN)}', which holds half a character; expected the name of "
            "an option"
        )
    if len(value) > LONGEST_OPTION:
        raise ApplicationError(
            f"{where}: the decision is {_shown(value)} and {len(value)} characters long; expected the name of an option"
        )
    if value != outcome.favourable and value.strip().casefold() == outcome.favourable.strip().casefold():
        raise ApplicationError(
            f"{where}: the decision is '{value}' and the system file declares favourable: '{outcome.favourable}'; "
            "write both the same way, or every answer counts as unfavourable"
        )
    return value


def _score(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value):
        raise ApplicationError(f"{where}: the score is {_shown(value)}; expected a finite number")
    return float(value)


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number larger than any float
        return False


def _decided(answer: str | bool | None, score: float | None, outcome: Outcome, where: str) -> Decision:
    rule = outcome.decide
    if answer is None and score is None:
        raise ApplicationError(f"{where}: the answer has neither a decision nor a score")
    if score is None and rule is not None and rule.top_share is not None:
        raise ApplicationError(
            f"{where}: the rule is top_share: {rule.top_share}, which needs a score, and the answer has none"
        )
    if answer is None and rule is None:
        raise ApplicationError(
            f"{where}: the answer is a score only. Say how it becomes a decision: outcome: {{decide: {{threshold: "
            "…}} or top_share"
        )
    said = _said(answer, outcome)
    option = answer if isinstance(answer, str) else outcome.favourable if answer else None
    if rule is not None and rule.top_share is not None:
        return Decision(option, None, score)
    ruled = score > rule.threshold if rule is not None and rule.threshold is not None and score is not None else None
    if said is not None and ruled is not None and said != ruled:
        raise ApplicationError(
            f"{where}: the decision is {_shown(answer)} and the score {score:g}, but the declared threshold "
            f"{rule.threshold if rule else None} says {'favourable' if ruled else 'unfavourable'}; correct `outcome: "
            "decide`"
        )
    if option is None and answer is None and ruled:
        option = outcome.favourable
    return Decision(option, said if said is not None else ruled, score)


def _said(answer: str | bool | None, outcome: Outcome) -> bool | None:
    """Whether the answer is the favourable one; None where there is none, or it is not among the declared options:
    that decides nothing.
    """
    if answer is None or isinstance(answer, bool):
        return answer
    return None if outcome.options is not None and answer not in outcome.options else answer == outcome.favourable


def _shown(value: object) -> str:
    return f"{type(value).__name__} {one_line(repr(value), SHOWN)}"
