"""Products by oneDNN: the same numbers, for whatever a network multiplies, and the usual way where it does not help."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from commonweal.models.engine import onednn as products
from commonweal.models.engine.onednn import by_columns, onednn_is_faster, onednn_product, quick_products, usual_product
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation
from tests.models.tiny_model import write_tiny_model

torch = pytest.importorskip("torch")
REQUESTS = [
    Continuation(context, f" {word}") for context in ("a b c", "a b d", "x") for word in ("one", "two", "three four")
]


@pytest.fixture
def by_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN is used whether or not it is faster on this machine; skipped where torch was built without it."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)


@pytest.mark.parametrize("shape", [(7, 3), (2, 5, 3), (1, 1, 3)])
@pytest.mark.parametrize("biased", [False, True])
def test_a_product_is_the_one_in_double_precision(by_onednn: None, shape: tuple[int, ...], biased: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    states, weight, bias = (torch.randn(size, generator=generator) for size in (shape, (4, 3), (4,)))
    exact = torch.nn.functional.linear(states.double(), weight.double(), bias.double() if biased else None)
    found = onednn_product(states, weight, bias if biased else None)
    assert found.shape == exact.shape
    assert (found - exact).abs().max() < 1e-5


def test_a_part_of_a_matrix_and_a_view_are_multiplied_as_they_are(by_onednn: None) -> None:
    whole = torch.randn(40, 16)
    states = torch.randn(16, 6).t()  # not contiguous
    assert torch.allclose(onednn_product(states, whole[8:24]), usual_product(states, whole[8:24]), atol=1e-5)


@pytest.mark.parametrize("inputs", [1, 191, 192, 193, 576, 640])
def test_a_matrix_by_columns_is_summed_in_parts_and_nearer_to_double_precision(by_onednn: None, inputs: int) -> None:
    generator = torch.Generator().manual_seed(inputs)
    states, weight, bias = (torch.randn(size, generator=generator) for size in ((64, inputs), (48, inputs), (48,)))
    exact = torch.nn.functional.linear(states.double(), weight.double(), bias.double())
    columns = by_columns(weight)
    assert torch.equal(columns, weight)
    whole, parts = (onednn_product(states, one, bias).double() for one in (weight, columns))
    errors = [float((found - exact).pow(2).mean().sqrt()) for found in (whole, parts)]
    assert errors[1] <= 1.1 * errors[0]
    assert errors[1] < 3e-7 * inputs**0.5
    assert torch.allclose(parts, exact, atol=1e-4)


def test_layers_are_laid_out_by_columns_and_what_is_tied_to_the_embedding_is_not(
    by_onednn: None, tmp_path: Path
) -> None:
    model = open_local_model(str(write_tiny_model(tmp_path / "model")), folder=None, device="cpu")
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    model.reader()
    assert model.network.model.layers[0].mlp.down_proj.weight.stride(0) == 1
    assert model.network.get_output_embeddings().weight.stride(1) == 1
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_what_is_not_float32_or_is_empty_goes_the_usual_way(by_onednn: None) -> None:
    with quick_products("cpu"):
        assert torch.nn.functional.linear(torch.ones(2, 3).double(), torch.ones(4, 3).double()).dtype == torch.float64
        assert (
            torch.nn.functional.linear(torch.ones(2, 3).bfloat16(), torch.ones(4, 3).bfloat16()).dtype == torch.bfloat16
        )
        assert torch.nn.functional.linear(torch.ones(0, 3), torch.ones(4, 3)).shape == (0, 4)
        assert torch.ones(2, 3).sum() == 6


def test_both_ways_give_a_network_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    folder = write_tiny_model(tmp_path / "model")
    scores = []
    for faster in (False, True):
        monkeypatch.setattr(products, "onednn_is_faster", lambda faster=faster: faster)
        model = open_local_model(str(folder), folder=None, device="cpu")
        scores.append([score.logprob for score in model.score(REQUESTS)])
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_elsewhere_than_on_a_cpu_and_without_onednn_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(quick_products("cuda:0"), nullcontext)

    def absent(*_: object) -> None:
        raise AttributeError("_linear_pointwise")

    monkeypatch.setattr(products, "onednn_product", absent)
    assert onednn_is_faster.__wrapped__() is False
    monkeypatch.setattr(products, "onednn_product", lambda states, weight: usual_product(states, weight) * 1.001)
    assert onednn_is_faster.__wrapped__() is False, "another answer is no answer, however fast"
