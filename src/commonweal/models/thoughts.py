"""What a model thinks before it answers: cut off wherever its text enters, since a thought is not an answer.

Models write their thoughts between tags of many names, in channels (Harmony), or after words that are always the same,
and servers put them into fields of their own. A thought that is closed is cut out. One that is still open when the text
ends has no answer behind it. One that is closed and was never opened was opened by the chat template, so all that
stands before its end is thought.

What this cannot know: that a text without any such mark is a thought that the template opened and the limit of tokens
cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ONLY_A_THOUGHT = "it thinks before it answers, and its thoughts used up the tokens that the answer may have"
NAMES = r"(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis)"
# Tags are made up freely ("inner_thoughts", "reasoning_process"), and none of these words names an answer.
TAGS = (
    r"(?:(?:\w+[-_]|ant)?(?:think(?:ing)?|thoughts?|reason(?:ing|s)?|reflect(?:ion)?|ponder(?:ing)?|analy[sz](?:e|is)|scratch(?:pad)?"
    r"|monologue|deliberation|contemplation|rationale|explain|explanation|brainstorm(?:ing)?|chain[-_]of)(?:[-_]\w+)?"
    r"|cot|plan|planning|internal|hidden|steps?|draft|understanding|evaluation|details)"
)
OPENING = (
    rf"\\?(?:<|＜|&lt;)(?:\w+:)?{TAGS}(?:\s[^<>＞]{{0,200}})?\\?(?:>|＞|&gt;)",
    r"\[unused16\]",
    rf"\[{NAMES}\]",
    r"◁think▷",
    rf"<\|(?:(?:begin|start)_of_|(?:begin|start)_)?{NAMES}(?:_(?:begin|start))?\|>",
    r"<\|inner_prefix\|>",
    r"<\|channel>thought\b",
    r"<unused94>thought\b",
    r"(?:\A\s*)Here(?:'s| is) my thought process:",
    r"\A\s*Thinking\.\.\.\n",
)
CLOSING = (
    rf"\\?(?:<|＜|&lt;)/\s?(?:\w+:)?{TAGS}\s?\\?(?:>|＞|&gt;)",
    r"\[unused17\]",
    rf"\[/{NAMES}\]",
    r"◁/think▷",
    rf"<\|(?:(?:end)_of_|(?:end)_|/){NAMES}\|>",
    rf"<\|{NAMES}_end\|>",
    r"<\|inner_suffix\|>",
    r"<channel\|>",
    r"<unused95>",
    r"Here(?:'s| is) my response:",
    r"\n\.\.\.done thinking\.",
)
FENCED = re.compile(rf"(?:```|~~~){NAMES}[ \t]*\n.*?(?:\n(?:```|~~~)|\Z)", re.IGNORECASE | re.DOTALL)
MARK = re.compile(rf"(?P<opening>{'|'.join(OPENING)})|(?P<closing>{'|'.join(CLOSING)})", re.IGNORECASE)
CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)(?:(?!<\|message\|>).){0,200}<\|message\|>((?:(?!<\|(?:end|return|start|call|channel)\|>).)*)",
    re.DOTALL,
)
FIRST_CHANNEL = re.compile(r"(?:<\|start\|>\s*\w*\s*)?<\|channel\|>")
# Harmony after a decoder that drops its special tokens.
BARE_CHANNEL, BARE_FINAL = re.compile(r"\s*analysis(?=[A-Z])"), "assistantfinal"
CONTROL = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|</?(?:s|eos|bos|pad|unk|mask|end_of_turn|start_of_turn|end_of_utterance|endoftext|eot|sep|cls|channel)>"
    r"|\[/?(?:INST|SYS|EOS|BOS|PAD|CLS|SEP)\]|<</?SYS>>|<0x[0-9A-F]{2}>|<unused\d+>|<extra_id_\d+>"
)
FIELDS = ("reasoning_content", "reasoning", "thinking", "thought", "thoughts", "reasoning_details", "thinking_blocks")


def without_thoughts(text: str) -> str | None:
    """What a model says to others; None where it only thinks. A text without thoughts comes back as it is.

    >>> without_thoughts("<think>It is A. No.</think>B"), without_thoughts("Perhaps A.</think> B")
    ('B', ' B')
    >>> without_thoughts("Plain <b>B</b>")
    'Plain <b>B</b>'
    >>> without_thoughts("<think>It is A"), without_thoughts("<|channel|>analysis<|message|>It is A")
    (None, None)
    >>> analysis, final = "<|channel|>analysis<|message|>A?<|end|>", "<|channel|>final<|message|>B<|return|>"
    >>> without_thoughts(f"{analysis}<|start|>assistant{final}")
    'B'
    """
    said = _outside(_final(text))
    return None if said != text and not CONTROL.sub("", said).strip() else said


def _final(text: str) -> str:
    """The final channel, and what stands before any channel; the text itself where there is none."""
    if (first := FIRST_CHANNEL.search(text)) is not None:
        finals = [words for name, words in CHANNEL.findall(text) if name.lower() == "final"]
        return text[: first.start()] + (finals[-1] if finals else "")
    if (bare := BARE_CHANNEL.match(text)) is not None:
        return text[bare.end() :].rpartition(BARE_FINAL)[2] if BARE_FINAL in text else ""
    return text


def _outside(text: str) -> str:
    """What stands outside all thoughts.

    A thought within a thought ends alone; an end that fits no beginning ends all of them.
    """
    said, position = "", 0
    inside: list[str] = []
    text = FENCED.sub("\n", text)
    for mark in MARK.finditer(text):
        name = re.sub(r"(?:begin|start|end)(?:_of)?_?|\W", "", mark[0].lower())
        if mark["opening"] is not None:
            said += "" if inside else text[position : mark.start()]
            inside += [] if name in inside else [name]
        else:
            said = said if inside else ""
            inside = inside[: inside.index(name)] if name in inside else []
        position = mark.end()
    return said if inside else said + text[position:]


def thinks_in(message: Mapping[str, Any]) -> bool:
    """Whether a reply has a thought in a field of its own, or in a part of its content.

    >>> thinks_in({"content": None, "reasoning": "It is A"}), thinks_in({"content": "B", "reasoning": None})
    (True, False)
    """
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return any(message.get(name) for name in FIELDS) or any(
        isinstance(part, Mapping) and part.get("type") in FIELDS for part in parts
    )


def content_text(content: object) -> object:
    """A content that comes in parts as one text, its thoughts left out; any other content as it is.

    >>> content_text([{"type": "thinking", "thinking": "It is A"}, {"type": "text", "text": "B"}]), content_text(None)
    ('B', None)
    """
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        return content
    spoken = [part.get("text") for part in content if part.get("type") not in FIELDS]
    return "".join(str(text) for text in spoken) if all(isinstance(text, str) for text in spoken) else content
