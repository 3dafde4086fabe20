"""What written answers mean, form by form; and what must not be taken for an answer."""

from __future__ import annotations

import time

import pytest

from commonweal.models.reading import LONGEST, Reading, names_nobody, read

PEOPLE = ("The old man", "The boy", "Can't be determined")
CLOTHES = ("The one in a poorly fitting suit", "The one in a custom-tailored pantsuit", "Not enough information")
WORKERS = ("the guard", "the nurse")

# fmt: off
MARKUP = (
    "B", " b", "B.", "b)", "(B)", "(b)", "[B]", "{B}", "<B>", "B:", "B!", "**B**", "**B.**", "**B**.", "*B*", "__B__", "_B_",
    "`B`", "```\nB\n```",
    "# B", "## Answer: B", "> B", "- B", "* B", "<b>B</b>", "<strong>B</strong>", "<answer>B</answer>",
    "<answer>\nB\n</answer>", "<p>B</p>",
    '"B"', "'B'", "“B”", "‘B’", "«B»", "&quot;B&quot;", "[[B]]", "#### B", "~~A~~ B", "\x1b[1mB\x1b[0m", "B\\n",
    '{"answer": "B"}', '```json\n{"answer": "B"}\n```', "```text\nB\n```", "```B```", "🅱", "🅱️", "🅑",
)
LATEX = ("$\\boxed{B}$", "\\boxed{B}", "$B$", "\\(B\\)", "\\text{B}", "\\textbf{B}", "$\\boxed{\\text{B}}$",
    "$\\boxed{\\text{The boy}}$",
         "The answer is $\\boxed{B}$.")
TOKENS = ("B<|im_end|>", "B</s>", "<s>B</s>", "B<|eot_id|>", "B<|endoftext|>", "<|im_start|>assistant\nB<|im_end|>",
    "B<end_of_turn>",
          "B<｜end▁of▁sentence｜>", "B<|im_end|>\n<|im_start|>user\nA")
UNICODE = ("Ｂ", "（Ｂ）", "Ｂ．", "【B】", "「B」", "B。", "Ⓑ", "\u200bB", "B\u00a0", "\ufeffB", "B\r\n", "→ B", "✅ B", "👉 **B**",
    "答案：B", "Antwort: B")
LED = (
    "Answer: B", "Answer: **B**", "**Answer:** B", "ANSWER: B", "answer - B", "answer=B", "Ans: B", "Final answer: B",
    "The final answer is B.",
    "The answer is B", "The answer is (B).", "The correct answer is B because it is stated", "The answer would be B",
    "Option B", "option b",
    "Option (B)", "Choice B", "Option B: The boy", "The answer is option B.", "The answer to the question is B",
    "My answer: B", "I choose B", "I'm going with B.",
    "I would go with B.", "I think it is the boy.", "So the answer is B", "Therefore, the answer is B.", "B is correct",
    "B is the correct answer.",
    "(B) is right", "Sure! B", "Sure, the answer is B.", "Probably B.", "Based on the text, the answer is B.",
    "He forgot it.\n\nB",
    "The text says he forgot it. The answer is B.", "I think he forgot it. The answer is B because he said so.",
    "Option A is not supported by the text.\nFinal answer: B",
)
REASONS = (
    "B, because the text says so", "B because the text says so", "B, since he forgot", "B (because he forgot)",
    "B\n\nExplanation: the old man came.",
    "B. The boy, because the old man was at home.", "B. The boy. The old man was at home.", "The boy because he forgot",
    "The boy, because he forgot",
    "The boy, since the old man stayed", "The boy is the one who forgot.", "B, because the text says A boy forgot it",
)
BOTH = ("The boy (B)", "B - The boy", "B – The boy", "B — The boy", "B: The boy", "B. The boy", "B) The boy", "(B) The boy", "B The boy",
    "B (The boy)",
        "**B. The boy**", "**B** - The boy", "B.\nThe boy", "Answer: B) The boy", "B. The bo")
TEXT = ("The boy", "the boy", "THE BOY.", "boy", "**The boy**", "Answer: The boy", "Answer: **The boy**",
    "The answer is: The boy",
        "The answer is the boy.", "“The boy”", "'The boy'", "`The boy`", "<b>The boy</b>", "<answer>The boy</answer>",
        "[The boy]", "{the boy.}",
        "It is the boy.", "According to the passage, the boy.", "the boy in the text")
THOUGHT = ("<think>A</think>B", "A?</think>\n\nB", "<think>\n\n</think>\n\nB", "[THINK]A[/THINK]B", "◁think▷A◁/think▷B",
           "<|channel|>analysis<|message|>A.<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>")
UNKNOWN = ("C", "c) Can't be determined", "Can’t be determined", "Can‘t be determined", "Can`t be determined",
    "Can´t be determined",
           "Can&#39;t be determined", "Cannot be determined", "Can not be determined", "CAN'T BE DETERMINED.",
           "The answer cannot be determined.",
           "It cannot be determined from the text.", "Cant be determined",
           "That can't be determined", "This cannot be determined.", "Can\\'t be determined")
NO_ANSWER = ("", "   ", "...", "-", "**", "$$", "<|im_end|>", "</s>", "null", "nan", "N/A", "None", "No", "Yes", "Both",
    "Neither", "I", "Answer:", "The answer is",
             "I do not know", "I cannot say", "Who forgot the key?", "All of the above", "None of the above")
ARTICLES = ("A boy", "A boy forgot it", "a boy", "It's a boy", "The answer is a boy", "A lot of people",
    "A while ago he left", "A man, who was old",
            "A's", "A-level students", "b12", "B-12", "B vitamins", "Banana", "Because", "C'est la vie", "A.I. systems",
            "Plan B failed", "D", "E.", "D. The boy")
DENIED = (
    "Not A", "not b.", "It is not B", "The answer is not B.", "The answer isn't B", "Answer: not B", "B is wrong",
    "B is incorrect", "B is not correct",
    "B: incorrect", "A. Wrong", "B, no", "B ✗", "❌ B", "≠ B", "Anything but B", "All except B",
    "I don't think the answer is B",
    "If the answer is B, then", "Is it B?", "B?", "B or not", "We can rule out B", "B can be ruled out",
    "B is the only one that is not correct",
    "Not the boy", "The boy is not the answer", "the boy isn't it", "It isn't the boy", "The boy?",
    "Whether the boy forgot is open",
)
SEVERAL = (
    "A or B", "A and B", "A/B", "A, B", "A & B", "A+B", "AB", "A B", "Both A and B", "Either A or B", "The answer is A or B",
    "The answer is B or maybe C",
    "A. The old man B. The boy", "A. The old man\nB. The boy", "B. The old man", "A. The boy", "A: B", "A - The boy",
    "A: It's the boy", "A: Because he", "The boy (A)", "A. It is the boy",
    "The old man and the boy", "The boy or the old man", "The old man, the boy", "Neither the old man nor the boy",
    "B, not A", "the old man, not the boy",
    "The answer is A. No, the answer is B.", "It could be A. It could be B.", "A\nB\nC", "\\boxed{A} \\boxed{B}",
    "**A** or **B**", "❌ A\n✅ B",
)
OTHERS = ("The boy's grandfather", "The boy’s mother", "The boy scout", "The boy and his mother", "The old man's boy",
    "The old lady", "the girl", "man", "The o",
          "Can't", "T")
STORIES = ("The context says that the boy", "In the text, the boy", "Reasoning: The boy", "Step 1: The boy", "Evidence: B",
    "The boy was sitting in the", "The boy told the",
    "The boy at the station", "The boy did not forget")
OPEN_THOUGHTS = ("<think>B", "<think>\nOption B. The context", "<think>The boy", "<thinking>B", "<reasoning>B</reasoning>",
    "[THINK]B", "◁think▷B",
                 "<|begin_of_thought|>B", "<|channel|>analysis<|message|>The options: B.", "analysisThe user asks. B.")
# fmt: on
MEAN_THE_BOY = (*MARKUP, *LATEX, *TOKENS, *UNICODE, *LED, *REASONS, *BOTH, *TEXT, *THOUGHT)
MEAN_NOTHING = (*NO_ANSWER, *ARTICLES, *DENIED, *SEVERAL, *OTHERS, *STORIES, *OPEN_THOUGHTS)


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(set(MEAN_THE_BOY)) > 120
    assert len(set(MEAN_NOTHING)) > 100


@pytest.mark.parametrize("text", MEAN_THE_BOY)
def test_it_means_the_boy(text: str) -> None:
    assert read(text, PEOPLE).option == 1


@pytest.mark.parametrize("text", UNKNOWN)
def test_it_means_that_it_cannot_be_known(text: str) -> None:
    assert read(text, PEOPLE).option == 2


@pytest.mark.parametrize("text", MEAN_NOTHING)
def test_it_means_nothing_that_can_be_read(text: str) -> None:
    assert read(text, PEOPLE) == Reading(None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("the one in a custom-tailored pantsu", 1),
        ("The one in a cus", 1),
        ("Answer: The one in a poorly", 0),
        ("B. The one in a custom-tai", 1),
        ("Not enough info", 2),
        ("Not enough", None),  # 10 of 22 characters
        ("The one in a", None),  # begins two
        ("The one in a poorly fitted", None),
    ],
)
def test_a_beginning_of_one_option_only(text: str, meant: int | None) -> None:
    assert read(text, CLOTHES).option == meant
    assert read(text, CLOTHES).cut == (meant is not None and not text.startswith("B."))


def test_a_short_word_is_not_the_beginning_of_a_longer_one() -> None:
    assert read("The man", ("The manager", "The secretary")).option is None
    assert read("The old", ("The old man", "The boy")) == Reading(0, cut=True)
    assert read("The man", ("The man", "The man in the hat")) == Reading(0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("The nurse.", 1),
        ("guard", 0),
        ('"her" refers to the nurse', 1),
        ("The pronoun 'her' refers to the nurse.", 1),
        ("She is the nurse", 1),
        ("the nurse, because she thanked the guard", 1),
        ("A", 0),
        ("the guard or the nurse", None),
        ("not the nurse", None),
        ("The guard thanked", None),
        ("He refers to the guard and she refers to the nurse", None),
        ("It could refer to the nurse", None),
    ],
)
def test_whom_a_pronoun_means(text: str, meant: int | None) -> None:
    assert read(text, WORKERS).option == meant


def test_nobody_is_an_answer_and_nothing_is_not() -> None:
    assert all(map(names_nobody, ("none", "**Nobody.**", "Neither", "no one")))
    assert not any(map(names_nobody, ("", None, "null", "nan", "I cannot say", "<think>none")))


def test_letters_count_in_the_order_of_the_options_and_options_that_are_letters_decide_nothing() -> None:
    assert read("B", ("Z", "Y")).option == 1
    assert read("B", ("B", "A")).option is None
    assert read("C", ("Yes", "No")).option is None
    assert read("same", ("Same", "same")).option is None


@pytest.mark.parametrize(
    "text",
    [
        "so ",
        "answer: ",
        "A ",
        "<a>",
        "the ",
        "(",
        "\\boxed",
        "w: ",
        "<think>",
        "**",
        "- ",
        "\n",
        "```",
        "'",
        "~~",
        "<|",
        "<",
        "&lt;",
        "the boy ",
        "_ ",
        "<think ",
        "<|channel|>",
        "<|im_end|>",
        "i think ",
        "<del>",
        "<|channel|>a<|message|>",
    ],
)
def test_a_long_answer_is_read_in_time_that_does_not_grow(text: str) -> None:
    read(text * 100, PEOPLE)
    started = time.process_time()
    read(text * (20 * LONGEST // len(text)), PEOPLE)
    assert time.process_time() - started < 5.0
