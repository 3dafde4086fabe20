"""Whether what an OpenAI-compatible server replied with status 200 is the reply to a question at all.

A gateway may answer 200 where what stands behind it failed: with an error in the body, with no choice, with a text that
is empty because nothing was asked, or with half a text. None of these is what a model said, so none is an answer: each
is tried again as a status 5xx is, and fails where it persists. What a reply that has no such fault means is for
openai_model.py to say.

Source: OpenAI, API reference, "The chat completion object"
(https://platform.openai.com/docs/api-reference/chat/object), for the fields; OpenRouter, "Errors", for errors in a
reply of status 200 and `finish_reason: error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commonweal.errors import MeasurementError
from commonweal.files.foreign_text import one_line
from commonweal.models.endpoint.session import LONGEST_ANSWER, SHOWN, Endpoint, Reply
from commonweal.models.exchange.wire_json import NotJSON
from commonweal.models.thoughts import thinks_in

# Why a text ended, where it is one: it was over, it was long enough, or the model asked for a tool. Some servers have
# names of their own.
ENDED = (
    "stop",
    "length",
    "eos",
    "eos_token",
    "end_turn",
    "stop_sequence",
    "max_tokens",
    "model_length",
    "tool_calls",
    "function_call",
)
FILTERED = "content_filter"
EXPECTED = "expected an object with choices"


def fault_in(reply: Reply, endpoint: Endpoint) -> str:
    """What is wrong with a reply of status 200 ("": nothing)."""
    if len(reply.body) > LONGEST_ANSWER:
        return ""  # it will not be shorter the next time
    said = endpoint.said(reply.body)
    try:
        answer = endpoint.read(reply.body)
    except NotJSON as reason:
        return f"the answer is not JSON ({said}; {endpoint.secrets.in_message(str(reason))}); {EXPECTED}"
    if not isinstance(answer, dict):
        return f"the answer is a JSON {type(answer).__name__}; {EXPECTED}"
    choice = choice_in(answer)
    if choice is None:
        return f"no choice in its answer ({said})"
    if answer.get("error") or choice.get("error"):
        return f"an error stands in its answer ({said})"
    return _unfinished(choice) or _unwritten(answer, choice, endpoint.settings.route)


def answer_in(reply: Reply, endpoint: Endpoint, where: str) -> dict[str, Any]:
    """The object in a reply that has no fault; MeasurementError where it is too long to be read."""
    if len(reply.body) > LONGEST_ANSWER:
        raise MeasurementError(f"{where}: the answer is longer than 1 MiB; expected a short JSON object")
    answer: dict[str, Any] = endpoint.read(reply.body)
    return answer


def choice_in(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The choice that was asked for, which is the first; None where there is none, or only one of another number.

    >>> choice_in({"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]})
    {'index': 0, 'text': 'a'}
    >>> choice_in({"choices": [{"index": 1, "text": "b"}]}) is None
    True
    """
    choices = answer.get("choices")
    listed = choices if isinstance(choices, list) else []
    return next((one for one in listed if isinstance(one, dict) and one.get("index") in (None, 0)), None)


def written_in(choice: Mapping[str, Any], route: str) -> Mapping[str, Any]:
    """Where the text of a choice stands: its message, or the choice itself on the route of completions."""
    said = choice.get("message") if route == "chat" else choice
    return said if isinstance(said, dict) else {}


def _unfinished(choice: Mapping[str, Any]) -> str:
    ending = choice.get("finish_reason")
    if ending is None or (isinstance(ending, str) and ending.lower() in ("", *ENDED)):
        return ""
    if ending == FILTERED:
        return f"a filter of the provider withheld the answer (finish_reason {FILTERED}), so the model gave none"
    return f"its answer broke off (finish_reason {one_line(str(ending), SHOWN)}); expected stop or length"


def _unwritten(answer: Mapping[str, Any], choice: Mapping[str, Any], route: str) -> str:
    """What is wrong with the text.

    An empty text is one that a model may write, but not where it read or wrote nothing.
    """
    said = written_in(choice, route)
    text = said.get("content" if route == "chat" else "text")
    text = said.get("refusal") if text is None else text
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    if not text and any(_is_zero(counts.get(name)) for name in ("prompt_tokens", "total_tokens")):
        return "no text in its answer, and by its own count (usage) the model read nothing"
    written = (
        isinstance(text, str) or (isinstance(text, list) and text) or thinks_in(said) or counts.get("completion_tokens")
    )
    return "" if written else "no text in its answer"


def _is_zero(count: object) -> bool:
    return isinstance(count, int | float) and count == 0
