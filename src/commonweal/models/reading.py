"""What a written answer means: the one reader of all choices, of models that write and of files of answers.

An answer means an option where it says its letter, its text or the beginning of its text, as a claim of its own: in
markup, quotes, brackets, LaTeX or full-width letters, after "Answer:" or "I choose", before a reason. A letter counts
in the order of the options.

It is read with caution, since a wrong reading is worse than an answer that is not read: what names two options, negates
one, asks, or has "a" as an article ("A boy") means nothing here. Reasons may name the other option's text, not its
letter.

A beginning is taken for the option where it begins no other one and has `LEAST_CUT` characters, or is made of whole
words and at least half of the option: an answer that the limit of tokens cut.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from commonweal.models.thoughts import CONTROL, without_thoughts

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEAST_CUT = 12  # characters of a beginning that may end within a word; "The man" is not the beginning of "The manager"
MOST_LEADS = 8  # phrases that lead to an answer, one after another
MOST_STATED = 20  # times that one answer says "the answer is"; beyond, it runs in a circle
LONGEST = 4_000  # characters that are read: an answer stands at the beginning or at the end

QUOTES = str.maketrans(
    {**dict.fromkeys("‘’‚‛ʼʹ′´`", "'"), **dict.fromkeys("“”„‟«»″〝〞", '"'), **dict.fromkeys("‐‑‒–—―−", "-")}
)
ENDED = re.compile(
    r"<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|end▁of▁sentence)\|>|</s>|<eos>|<end_of_turn>"
)
TURN = re.compile(
    r"<\|(?:im_start|start_header_id|start)\|>\s*(?:assistant|system|user)?|<start_of_turn>\s*(?:model|user)?",
    re.IGNORECASE,
)
ESCAPED = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
STRUCK = re.compile(r"~~.*?~~|<(del|strike)>.*?</\1>", re.IGNORECASE | re.DOTALL)
MARKUP = (
    (re.compile(r"\\boxed|\\fbox|<(?:final_?)?answer>", re.IGNORECASE), "\nanswer: "),
    (re.compile(r"\\(?=['\"])"), ""),
    (re.compile(r"\\[nrt](?![a-z])"), "\n"),
    (re.compile(r"\\[A-Za-z]+|\\[^A-Za-z\s]|\$"), " "),
    (re.compile(r"'{3,}(?:\w+(?=[ \t]*\n))?"), "\n"),  # a fence: `QUOTES` has made them of one kind
    (
        re.compile(
            r"<(\w+)(?:\s[^<>]*)?>(?=.*?</\1\s*>)|</\w+\s*>|<\w+\s*/>|<\w{2,}(?:\s[^<>]*)?>", re.DOTALL | re.IGNORECASE
        ),
        " ",
    ),
    (re.compile(r"^[ \t]*(?:[#>]+|[-*+•])[ \t]*(?=\S)", re.MULTILINE), ""),
    (re.compile(r"\*+|(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])"), ""),
    (re.compile(r"(?<=\w)'(?=\w)"), ""),
    (re.compile(r"\bcan ?not\b", re.IGNORECASE), "cant"),
    (re.compile(r"[^\S\n]+"), " "),
)  # fmt: skip

NEGATING = (
    r"not|no|never|neither|nor|none|(?:is|are|was|were|does|do|did|wo|would|should|could|ca|has|have|had|ai)nt"
    r"|except|unlike|wrong|incorrect|false|unlikely|eliminated?|excluded?"
)
NEGATES = re.compile(rf"\b(?:{NEGATING})\b|[≠¬✗✘❌✖🚫]", re.IGNORECASE)
OPEN = re.compile(r"\b(?:if|whether|either|unless|suppose|could|might|may)\b", re.IGNORECASE)
CHOICE = r"(?:answer|ans|choice|option|response|selection|letter|solution|conclusion|result|prediction|guess|pick)"
KIND = (
    r"(?:(?:most|correct|right|best|final|likely|probable|only|plausible|suitable"
    r"|appropriate|logical|single)\W{1,3}){0,3}"
)
IS = r"(?:is|would\ be|should\ be|must\ be|will\ be|has\ to\ be|was|refers\ to)\b"
MEAN = (
    r"(?:think|believe|guess|choose|chose|pick|select|say|answer|go(?:ing)?\ (?:with|for)|suppose"
    r"|vote\ for|confident|sure)"
)
SURELY = r"(?:\W{1,3}(?:that|most\ likely|probably|likely|clearly|definitely|therefore|thus|simply|indeed))?"
LEAD = re.compile(
    rf"""\W*(?:
    (?:so|therefore|thus|hence|well|okay|ok|sure|certainly|of\ course|yes|hmm|finally
        |in\ (?:conclusion|short|summary)|assistant|model)\b
    |(?P<source>(?:based\ on|according\ to|from|in|given)\ (?:the|this|your)\ [^,.:;\n]{{1,60}}[,:])
    |(?:(?:my|the|your|this|our)\ )?{KIND}{CHOICE}\b
        (?:\ (?:here|(?:to|for)\ (?:the|this|your)\ question))?(?:\W{{1,3}}{IS})?{SURELY}
    |i(?:\ am|m)?\ (?:(?:would|will|d|ll)\ )?{MEAN}\b(?:\ that)?
    |(?:id|ill)\ {MEAN}\b(?:\ that)?
    |(?:it|that|this|he|she|they|who)\ ?{IS}{SURELY}|(?:its|thats)\b|(?:it|this|that)(?=\ cant\b)
    |there\ is\b|theres\b
    |(?:most\ likely|probably|likely|perhaps|maybe|clearly|definitely|presumably|possibly)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
STATED = re.compile(
    rf"\b{CHOICE}\b(?: here| (?:to|for) (?:the|this|your) question)?(?:\W{{1,3}}{IS}|\s*[:=]|\s*-+>){SURELY}"
    r"|\brefer(?:s|red|ring)?(?: back)? to\b|\bi (?:would |will |d |ll )?(?:choose|pick|select|go with|go for)\b",
    re.IGNORECASE,
)
NAMED = re.compile(r"\W*(?:\w+ ){0,3}\w{2,} ?:", re.IGNORECASE)
NO_ANSWER = re.compile(
    r"\b(?:options|choices|question|between|reason(?:s|ing)?|think(?:ing)?|thoughts?|analysis|rationale|explanation|evidence|context|text|step)\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.!?;\n]|\b(?:so|therefore|thus|hence)\b", re.IGNORECASE)
BEFORE = re.compile(r"(?:[^\w≠¬!~✗✘❌✖🚫]|!(?!\w))*")
LETTER = re.compile(r"([A-Za-z])(?!\w)")
JOINS = re.compile(
    r"[\s,;.:(\[\"'-]*(?:or|and|nor|but|not|maybe|perhaps|possibly|either|versus|vs|rather|no(?! one)|wrong"
    r"|incorrect|false|neither)\b"
    r"|[\s.,]*[?✗✘❌✖🚫&+/|≠]",
    re.IGNORECASE,
)
RIGHT = (
    r"(?:is|was|seems|must be|would be)(?: (?:the|my|clearly|most likely|likely|probably|definitely))*"
    r"(?: (?:correct|right|best|only|true|final|most \w+))*(?: (?:answer|option|choice|one))?"
    r"(?=\W*(?:$|[.,;\n]|because|since|as\b|to\b|here\b))"
)
CAUSE = r"because|since|as(?! well)|due to|based on|according to"
SOURCE = r"(?:the|this) (?:given |provided )?(?:text|context|passage|sentence|question|story|information)"
REASONED = re.compile(rf"\b(?:{CAUSE}|given|explanation|reason(?:ing)?|{SOURCE}|while|whereas)\b", re.IGNORECASE)
AFTER_LETTER = re.compile(rf" (?:\(?(?:{CAUSE})\b|{RIGHT})", re.IGNORECASE)
# Not every verb: "The boy was sitting in the" tells the story again, and the limit of tokens cut it before the other
# one came.
AFTER_TEXT = re.compile(
    rf" (?:\(?(?:{CAUSE})|who|that|here|at all|to (?:say|tell|know|answer|determine|decide)"
    rf"|(?:from|in|by|on|with)(?= {SOURCE})"
    r"|(?:is|was)(?= (?:the|my|correct|right|likely|(?:more|most) likely|given|provided|available)\b))\b",
    re.IGNORECASE,
)
ALONE = re.compile(r"(?<!\w)(?:([A-Z])(?!\w)(?!(?<=A) (?!(?:is|was|or|and|because)\b)[a-z])|([a-z])[.)](?!\w))")
# Letters in black circles and squares, which no normal form makes letters of.
BLACK = {first + place: LETTERS[place] for first in (0x1F150, 0x1F170) for place in range(26)}
NOBODY = {"none", "nobody", "no one", "noone", "neither", "neither of them", "neither person", "unresolved", "unclear"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The place of the option that a text means, None where that cannot be read; `cut`: only its beginning was
    there.
    """

    option: int | None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Claim:
    """An option that a text claims, and where the claim ends; `option` is None where it contradicts itself."""

    option: int | None
    end: int
    cut: bool = False


def read(text: str | None, options: Sequence[str]) -> Reading:
    """The option that a written answer means.

    >>> people = ("The old man", "The boy", "Can't be determined")
    >>> [read(text, people).option for text in ("**B**", "Answer: b)", "The answer is B because", "the boy.",
    ...     "Can’t be determined")]
    [1, 1, 1, 1, 2]
    >>> [read(text, people).option for text in ("A boy", "Not B", "A or B", "A. The boy", "The old man and the boy",
    ...     "<think>B", "")]
    [None, None, None, None, None, None, None]
    >>> read("Can't be determ", people)
    Reading(option=2, cut=True)
    """
    said = without_thoughts(text or "")
    plain = plain_text(said or "")
    if not plain:
        return Reading(None)
    found = [claim for claim in _claims(plain, tuple(options)) if claim is not None]
    meant = {claim.option for claim in found}
    if len(meant) != 1 or None in meant:
        return Reading(None)
    return Reading(found[0].option, all(claim.cut for claim in found))


def names_nobody(text: str | None) -> bool:
    """Whether an answer says in words that it is none of the two people: it is read, and resolves nothing.

    >>> names_nobody("None."), names_nobody("I cannot say"), names_nobody("")
    (True, False, False)
    """
    return " ".join(_words(plain_text(without_thoughts(text or "") or ""))) in NOBODY


def plain_text(text: str) -> str:
    """A text without markup, control tokens and marks that are not seen; quotes and widths of one kind, no apostrophes.

    >>> plain_text("<s>**Ｂ**<|im_end|>"), plain_text("$\\\\text{B}$"), plain_text("Can’t be")
    ('B', '{B}', 'Cant be')
    """
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + "\n" + text[-LONGEST // 2 :]
    text = unicodedata.normalize("NFKC", html.unescape(text).translate(QUOTES | BLACK)).replace("\r", "\n")
    text = TURN.sub(" ", ESCAPED.sub("", text))
    parts = ENDED.split(text)  # what comes after the end of an answer is another turn
    text = CONTROL.sub(" ", next((part for part in parts if CONTROL.sub("", part).strip()), ""))
    text = "".join(_seen(character) for character in STRUCK.sub(" ", text))
    for pattern, instead in MARKUP:
        text = pattern.sub(instead, text)
    return text.strip()


def _seen(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cf" or character == "\ufe0f":
        return ""
    return " " if kind == "Cc" and character != "\n" else character


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@dataclass(frozen=True, slots=True)
class _Form:
    """What an option looks like in a plain text: its words, with "the" or without; as a pattern, and joined by one
    space.
    """

    pattern: re.Pattern[str]
    spellings: tuple[str, ...]


@lru_cache(maxsize=4096)
def _forms(options: tuple[str, ...]) -> tuple[_Form, ...]:
    forms = []
    for option in options:
        words = _words(plain_text(option))
        short = words[1:] if words[:1] == ["the"] and len(words) > 1 else words
        spelled = r"(?<!\w)(?:the\W{1,3})?" + r"\W{1,3}".join(map(re.escape, short)) + r"(?!\w)" if short else r"(?!)"
        forms.append(_Form(re.compile(spelled, re.IGNORECASE), (" ".join(words), " ".join(short))))
    return tuple(forms)


def _claims(text: str, options: tuple[str, ...]) -> Iterator[_Claim | None]:
    """All that a text claims: at its beginning, where it says "the answer is", and on a last line with nothing but a
    letter.
    """
    head = _led(text, 0, options)
    yield head if head is not None else _named(text, options)
    statements = list(STATED.finditer(text))
    if len(statements) > MOST_STATED:
        yield _Claim(None, 0)
    for stated in statements[:MOST_STATED]:
        before = SENTENCE.split(text[: stated.start()])[-1]
        if NEGATES.search(before) or OPEN.search(before):
            continue
        claim = _led(text, stated.end(), options)
        if claim is None and NEGATES.match(text, _begin(text, stated.end())):
            yield _Claim(None, stated.end())
        elif (
            claim is not None
            and not _ends(text[claim.end :])
            and _other_letters(text[: stated.start()], claim.option, len(options))
        ):
            yield _Claim(None, claim.end)
        else:
            yield claim
    before, _, last = text.rpartition("\n")
    alone = LETTER.fullmatch(re.sub(r"\W", "", last))
    if before and alone and "?" not in last and head is None:
        claim = _led(last, 0, options)
        yield _Claim(None, 0) if claim is not None and _other_letters(before, claim.option, len(options)) else claim


def _led(text: str, position: int, options: tuple[str, ...]) -> _Claim | None:
    """The claim at this place, after as many words that lead to one as there are ("So I think the answer is")."""
    retold = False
    for _ in range(MOST_LEADS):
        if (claim := _claim(text, position, options)) is not None:
            story = (
                retold
                and not LETTER.match(text, _begin(text, position))
                and not re.match(r"\W*[.!]", text[claim.end :])
            )
            return None if story else claim
        lead = LEAD.match(text, position)
        if lead is None:
            return None
        retold = lead["source"] is not None  # "In this text, the boy" tells the story, where no mark ends it
        position = lead.end()
    return None


def _named(text: str, options: tuple[str, ...]) -> _Claim | None:
    """The claim after a few words and a colon, in any language ("Antwort: B"), where nothing follows it."""
    name = NAMED.match(text)
    if name is None or NEGATES.search(name[0]) or NO_ANSWER.search(name[0]):
        return None
    claim = _claim(text, name.end(), options)
    return claim if claim is not None and _ends(text[claim.end :]) else None


def _begin(text: str, place: int) -> int:
    """Where the next word begins, after quotes, brackets and marks that do not deny it."""
    before = BEFORE.match(text, place)
    return before.end() if before else place


def _claim(text: str, place: int, options: tuple[str, ...]) -> _Claim | None:
    start = _begin(text, place)
    claims = [
        claim for claim in (_by_letter(text, start, options), _by_text(text, start, options)) if claim is not None
    ]
    if not claims:
        return _by_beginning(text, start, options)
    if len({claim.option for claim in claims}) > 1:
        return _Claim(None, start)
    return claims[0]


def _by_letter(text: str, start: int, options: tuple[str, ...]) -> _Claim | None:
    """A letter that stands for its option: before an end, a mark, a reason or the option's own text; an article is
    none.
    """
    letter = LETTER.match(text, start)
    if letter is None or (own := LETTERS.find(letter[1].upper())) not in range(len(options)):
        return None
    rest = text[letter.end() :].lstrip("\"'])}>")
    end = len(text) - len(rest)
    beside = _begin(text, end)
    spelled, spelled_end = _spelled(text, beside, options)
    if spelled is None and JOINS.match(rest):
        return _Claim(None, end)
    if spelled is None and (begun := _by_beginning(text, beside, options)) is not None:
        spelled, spelled_end = begun.option, begun.end
    beyond = text[spelled_end:]
    spelled_out = spelled == own and (_ends(beyond) or _delimited(beyond) or AFTER_TEXT.match(beyond))
    if not (_ends(rest) or _delimited(rest) or AFTER_LETTER.match(rest) or spelled_out):
        return None
    if spelled not in {None, own}:
        return _Claim(None, end)
    if letter[1] == "A" and re.match(r" ?:", rest) and not (_ends(rest) or spelled == own):
        return None  # "A:" also begins an answer as "Q:" begins a question
    end = spelled_end if spelled is not None else beside
    said = re.split(rf"[.!?;\n]|{REASONED.pattern}", text[end:], maxsplit=1, flags=re.IGNORECASE)[0]
    return _unless_others(text, _Claim(own, end), said, options)


def _by_text(text: str, start: int, options: tuple[str, ...]) -> _Claim | None:
    """The text of an option, before an end, a mark or words that go on about it."""
    meant, end = _spelled(text, start, options)
    if meant is not None and (lettered := re.compile(rf" ?[(\[]{LETTERS[meant]}[)\]]").match(text, end)):
        end = lettered.end()  # "The boy (B)"
    rest = text[end:]
    if meant is None or not (_ends(rest) or _delimited(rest) or AFTER_TEXT.match(rest) or JOINS.match(rest)):
        return None
    if JOINS.match(rest):
        return _Claim(None, end)
    return _unless_others(text, _Claim(meant, end), REASONED.split(rest, maxsplit=1)[0], options)


def _spelled(text: str, start: int, options: tuple[str, ...]) -> tuple[int | None, int]:
    """The option whose text stands at this place, the longest one, and where it ends; None where there is none, or
    two alike.
    """
    ends = [
        (found.end(), place) for place, form in enumerate(_forms(options)) if (found := form.pattern.match(text, start))
    ]
    longest = [place for end, place in ends if end == max(ends)[0]]
    return (longest[0], max(ends)[0]) if len(longest) == 1 else (None, start)


def _by_beginning(text: str, start: int, options: tuple[str, ...]) -> _Claim | None:
    """The only option that the rest of a text begins, where it is long enough to tell."""
    forms = _forms(options)
    if (
        len(text) - start > 2 * max(len(spelling) for form in forms for spelling in form.spellings)
        or "?" in text[start:]
    ):
        return None
    said = " ".join(_words(text[start:]))
    some = {place for place, form in enumerate(forms) if any(said and one.startswith(said) for one in form.spellings)}
    enough = {place for place, form in enumerate(forms) if any(_begins(said, one) for one in form.spellings)}
    return _Claim(enough.pop(), len(text), cut=True) if len(some) == 1 == len(enough) else None


def _begins(said: str, option: str) -> bool:
    if said == option or not option.startswith(said):
        return False
    return len(said) >= LEAST_CUT or (option[len(said)] == " " and 2 * len(said) >= len(option))


def _unless_others(text: str, claim: _Claim, said: str, options: tuple[str, ...]) -> _Claim:
    """The claim; one that contradicts itself where another letter follows, or the same breath (`said`) names another
    option.
    """
    clash = any(form.pattern.search(said) for place, form in enumerate(_forms(options)) if place != claim.option)
    return _Claim(None, claim.end) if clash or _other_letters(text[claim.end :], claim.option, len(options)) else claim


def _other_letters(text: str, own: int | None, options: int) -> bool:
    """Whether a letter of another option stands alone in a text."""
    places = {LETTERS.index((found[1] or found[2]).upper()) for found in ALONE.finditer(text)}
    return any(place != own and place < options for place in places)


def _ends(rest: str) -> bool:
    return not re.search(r"\w|[?✗✘❌✖🚫≠]", rest)


def _delimited(rest: str) -> bool:
    """Whether a mark ends what stands before: not a hyphen within a word, nor a mark that joins or asks."""
    return bool(re.match(r"(?!\.\w(?!\w))(?: ?[^\w\s?/&+@'\-|(\[{]| -+|-+ |\s*\n| [-=]+> ?)", rest))
