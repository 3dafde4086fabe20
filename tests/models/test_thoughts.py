"""A thought is not an answer, in whatever form it comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from commonweal.errors import MeasurementError
from commonweal.models.engine.generation import generated
from commonweal.models.engine.local import LocalModel
from commonweal.models.protocols import Altered, GenerationRequest
from commonweal.models.thoughts import content_text, thinks_in, without_thoughts

HARMONY = "<|channel|>analysis<|message|>It is A."
CLOSED = [
    ("<think>It is A.</think>B", "B"),
    ("<think>\n\n</think>\n\nB", "\n\nB"),
    ("It is A.</think>B", "B"),
    ("Sure. <think>A</think> B", "Sure.  B"),
    ("B <think>or A", "B "),
    ("<think>a <think> b</think> c</think>B", "B"),
    ("<THINK>A</THINK>B", "B"),
    ("< think >", "< think >"),
    ("<thinking>A</thinking>B", "B"),
    ("<thought>A</thought>B", "B"),
    ("<reasoning>A</reasoning>B", "B"),
    ("<seed:think>A</seed:think>B", "B"),
    ('<think effort="high">A</think>B', "B"),
    ("&lt;think&gt;A&lt;/think&gt;B", "B"),
    ("＜think＞A＜/think＞B", "B"),
    ("[THINK]A[/THINK]B", "B"),
    ("◁think▷A◁/think▷B", "B"),
    ("<|begin_of_thought|>A<|end_of_thought|>B", "B"),
    ("<|START_THINKING|>A<|END_THINKING|>B", "B"),
    ("<|channel>thought\nA<channel|>B", "B"),
    ("<unused94>thought\nA<unused95>B", "B"),
    ("Here is my thought process: A. Here is my response: B", " B"),
    (f"{HARMONY}<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>", "B"),
    (f"{HARMONY}<|end|><|start|>assistant<|channel|>commentary<|message|>C<|end|><|start|>assistant<|channel|>final<|message|>B", "B"),
    ("analysisThe user asks who.assistantfinalB", "B"),
    ("<inner_thoughts>A</inner_thoughts>B", "B"),
    ("<antThinking>A</antThinking>B", "B"),
    ("<chain_of_thought>A</chain_of_thought>B", "B"),
    ("<rationale>A</rationale>B", "B"),
    ("B<explanation>not A</explanation>", "B"),
    ("\\<think\\>A\\</think\\>B", "B"),
    ('<details type="reasoning" done="true"><summary>Thought for 3 seconds</summary>A</details>B', "B"),
    ("```thinking\nA\n```\nB", "\n\nB"),
    ("[unused16]A[unused17]B", "B"),
    ("<think>A</thinking>B", "B"),
    ("<think>a <reflection>b</reflection> c</think>B", "B"),
]  # fmt: skip
OPEN = [
    "<think>It is A", "<think>\nOption A. The context", "<think>A</think>", "<think>A</think>\n<|im_end|>", "A</think>",
    "<thinking>A", "<reasoning>A",
    "[THINK]A", "◁think▷A", "<|begin_of_thought|>A", "<|START_THINKING|>A", HARMONY, "<|start|>assistant<|channel|>analysis",
    f"{HARMONY}<|end|>",
    "<|channel|>commentary<|message|>A", "<|channel|>final<|message|>",
    "<inner_thoughts>A", "<reasoning_process>\nAnswer: A", "<cot>A", "<plan>A", "\\<think\\>A", "```think\nA", "[unused16]A",
    "<details><summary>Thinking</summary>A",
    "<think>a <reflection>b</reflection> A", "<seed:think>a<seed:cot_budget_reflect>b</seed:cot_budget_reflect>A",
    "analysisThe user asks who. A", "Here is my thought process: A",
]  # fmt: skip
NONE = [
    "B",
    "",
    "The analysis of thoughts",
    "analysis of the text",
    "I think B",
    "<b>B</b>",
    "a < b > c",
    "[INST] B",
    "thinking... B",
    "<thinker>B</thinker>",
]


@pytest.mark.parametrize(("text", "said"), CLOSED)
def test_a_closed_thought_is_cut_out(text: str, said: str) -> None:
    assert without_thoughts(text) == said


@pytest.mark.parametrize("text", OPEN)
def test_only_a_thought_is_no_answer(text: str) -> None:
    assert without_thoughts(text) is None


@pytest.mark.parametrize("text", NONE)
def test_a_text_without_thoughts_stays_as_it_is(text: str) -> None:
    assert without_thoughts(text) == text


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking", "thoughts", "reasoning_details"])
def test_a_thought_in_a_field_of_its_own(field: str) -> None:
    assert thinks_in({"content": "", field: "A"})
    assert not thinks_in({"content": "", field: None})


def test_content_in_parts() -> None:
    thought, text = {"type": "thinking", "thinking": [{"type": "text", "text": "A"}]}, {"type": "text", "text": "B"}
    assert thinks_in({"content": [thought]})
    assert content_text([thought, text]) == "B"
    assert content_text([thought]) == ""
    assert content_text([{"type": "image"}]) == [{"type": "image"}]


class Scripted:
    """A network that writes one text whatever it is asked, through a real tokenizer whose thought marks are special
    tokens.
    """

    def __init__(self, text: str) -> None:
        self.torch: Any = pytest.importorskip("torch")
        transformers: Any = pytest.importorskip("transformers")
        tokenizers: Any = pytest.importorskip("tokenizers")
        words = [
            "<s>",
            "</s>",
            "[THINK]",
            "[/THINK]",
            "who",
            *text.replace("[THINK]", "").replace("[/THINK]", "").split(),
        ]
        vocabulary = {word: place for place, word in enumerate(dict.fromkeys(words))}
        inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<s>"))
        inner.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        self.tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=inner, bos_token="<s>", eos_token="</s>", additional_special_tokens=["[THINK]", "[/THINK]"]
        )
        self.tokens = [*self.tokenizer(text, add_special_tokens=False)["input_ids"], vocabulary["</s>"]]
        self.size, self.step = len(vocabulary), 0
        self.network, self.window, self.device, self.altered = self, None, "cpu", Altered()

    def forward(self, input_ids: Any) -> None: ...

    def check_known(self, *_: Any) -> None: ...

    def __call__(self, input_ids: Any, **_: Any) -> Any:
        logits = self.torch.zeros(input_ids.shape[0], 1, self.size)
        logits[:, 0, self.tokens[min(self.step, len(self.tokens) - 1)]] = 1.0
        self.step += 1
        return SimpleNamespace(logits=logits, past_key_values=None)


@pytest.mark.parametrize("text", ["[THINK] it is A [/THINK] B", "B"])
def test_what_a_local_model_thinks_is_cut_off_where_special_tokens_mark_it(text: str) -> None:
    assert [said.strip() for said in generated(cast(LocalModel, Scripted(text)), [GenerationRequest("who", 9)])] == [
        "B"
    ]


def test_a_local_model_that_only_thinks_has_not_answered() -> None:
    with pytest.raises(MeasurementError, match=r"item=Age:7.*its thoughts used up the tokens"):
        generated(
            cast(LocalModel, Scripted("[THINK] it is A")), [GenerationRequest("who", 3, labels={"item": "Age:7"})]
        )
