"""An application that puts a declared question to its model and reads the answer from the likelihood of each option.

The options are scored as they are declared, as raw continuations of the filled template: no chat template is added,
so the system file shows all that the model sees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import scipy

from commonweal.errors import ApplicationError, LocatorError
from commonweal.models.file_hashes import fingerprint_of
from commonweal.models.protocols import Altered, Case, Continuation, Decision, LanguageModel
from commonweal.system.decisions import Prompt


def slot_of(template: str) -> str:
    """The name of the one place where the input goes.

    >>> slot_of("{resume} Answer:")
    'resume'
    """
    slots: list[str] = re.findall(r"\{([A-Za-z_]\w*)\}", template)
    if len(slots) != 1 or template.count("{") != 1 or template.count("}") != 1:
        got = ", ".join("{" + slot + "}" for slot in slots) or "none"
        raise LocatorError(
            "the template must have exactly one slot, such as {resume}, and no other braces; it has the slots: "
            f"{got}, and {template.count('{')} '{{' and {template.count('}')} '}}'"
        )
    return slots[0]


class PromptApplication:
    """score = log P(favourable) - log of the summed P of the other options [nat]; favourable above the threshold.

    `option` agrees with the rule: the favourable one above the threshold, else the likeliest of the others. Under
    `top_share`, where the rule needs the pool, it is the likeliest of all.
    """

    score_unit: str | None = "nat"
    runs_here = True

    def __init__(self, name: str, prompt: Prompt, model: LanguageModel) -> None:
        self.name = name
        self.prompt = prompt
        self.model = model
        self.slot = slot_of(prompt.template)
        self.device = model.device
        self.favourable = prompt.favourable
        self.top_share = prompt.decide.top_share
        self.threshold = prompt.decide.threshold
        self.fingerprint = fingerprint_of({"prompt": prompt.model_dump(mode="json"), "model": model.fingerprint})

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of its decisions must know of the model behind them."""
        return getattr(self.model, "remarks", ())

    @property
    def altered(self) -> Altered:
        """Requests, since the model behind it was opened, that were not read as they were asked."""
        return getattr(self.model, "altered", Altered())

    def filled(self, text: str) -> str:
        """The template with `text` in its slot, taken literally: braces in it mean nothing."""
        return self.prompt.template.replace("{" + self.slot + "}", text)

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        options = list(self.prompt.options)
        requests = [
            Continuation(self.filled(case.text), self.prompt.options[option], {**case.labels, "option": option})
            for case in cases
            for option in options
        ]
        before = self.altered
        scores = self.model.score(requests)
        cut = (self.altered - before).truncated
        if cut:
            raise ApplicationError(
                f"'{self.name}': {cut // len(options)} of {len(cases)} cases are longer than the model's window and "
                "would lose their beginning, where a name may stand; shorten the template or the probes"
            )
        logprobs = np.array([score.logprob for score in scores]).reshape(len(cases), len(options))
        return [self._decision(dict(zip(options, line, strict=True))) for line in logprobs.tolist()]

    def _decision(self, logprobs: dict[str, float]) -> Decision:
        others = {option: value for option, value in logprobs.items() if option != self.favourable}
        score = logprobs[self.favourable] - float(scipy.special.logsumexp(list(others.values())))
        if self.threshold is None:
            return Decision(max(logprobs, key=logprobs.__getitem__), None, score)
        favourable = score > self.threshold
        return Decision(self.favourable if favourable else max(others, key=others.__getitem__), favourable, score)
