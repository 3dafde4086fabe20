"""A model whose scores are kept: what was asked of it once, in this or another run, is read back."""

from __future__ import annotations

from collections.abc import Sequence

from commonweal.models.cache.score_cache import ScoreCache, through
from commonweal.models.engine.local import LocalModel, in_order
from commonweal.models.protocols import Altered, Continuation, GenerationRequest, Score


class CachedModel:
    """A local model behind the score cache.

    Not for measuring time or energy: an answer that is read back costs none.
    """

    gives_logprobs = True

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self.locator, self.fingerprint, self.device = model.locator, model.fingerprint, model.device

    @property
    def uncached(self) -> LocalModel:
        """The model itself, for measuring its time or energy."""
        return self._model

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of its answers must know."""
        return self._model.remarks

    @property
    def altered(self) -> Altered:
        """Requests, since the model was opened, that were not read as they were asked."""
        return self._model.altered

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """log P(continuation | context) of each request [nat], in the order of the requests."""
        pairs = self._model.encode(requests)
        with ScoreCache() as cache:
            return in_order(requests, through(cache, self.fingerprint, pairs, self._model.score_tokens))

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Texts are not kept here; the journal of a run keeps them."""
        return self._model.generate(requests)
