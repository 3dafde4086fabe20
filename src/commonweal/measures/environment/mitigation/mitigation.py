"""What a cheaper number format and a larger batch save on the model itself, and what they do to its answers.

See bench.py (formats and texts), meter/turns.py (blocks in turn), rows.py (from blocks to rows),
meter.py (what is read). Savings that cannot be measured here, such as another grid, are computed in
footprint/mitigation.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from numpy.random import Generator

from commonweal.errors import MeasurementError
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.observation import machine_key
from commonweal.measures.environment.meter.turns import FEWEST_ROUNDS, observe_in_turn
from commonweal.measures.environment.mitigation.bench import (
    BATCHES,
    CHEAPER,
    Bench,
    answered,
    mitigations,
    price,
    requests_of,
)
from commonweal.measures.environment.mitigation.rows import (
    ENERGY,
    RUN_TIME,
    cost_rows,
    missing_rows,
    price_rows,
    saving_rows,
    seen_of,
)
from commonweal.measures.options import Limit
from commonweal.measures.registry import measure
from commonweal.models.number_formats import local_model
from commonweal.models.protocols import LanguageModel

SAVINGS = ("time_ratio", "energy_ratio")
PRICES = ("mean_deviation", "largest_deviation", "changed_greedy_share")


def expected(limit: Limit) -> list[str]:
    """The texts that will be read, for the time estimate: of the answers, the trials and the blocks of each variant."""
    times = (len(BATCHES) + len(CHEAPER)) * (FEWEST_ROUNDS + 3)
    return [f"{time}. {one.context}{one.continuation}" for time in range(times) for one in requests_of(limit)]


@measure(
    source="Comparison of number formats and batch sizes on the model itself: commonweal; energy as in "
    "environment.inference_energy (Henderson et al. 2020, JMLR 21(248)); rounding by output channel and by token: "
    "Dettmers et al. 2022, NeurIPS, without its 16-bit outliers",
    cluster="round of blocks (cost); text (answers)",
    version=2,
    on_request=True,
    quantities={
        "energy_ratio": Quantity(
            unit="1",
            label="Energy over that without it",
            about="below 1, it saves; above 1, it costs more",
            role="mitigation_energy_ratio",
        ),
        "time_ratio": Quantity(
            unit="1", label="Run time over that without it", about="below 1, it saves; above 1, it costs more"
        ),
        "mean_deviation": Quantity(unit="nat", label="Mean deviation of log P", about="per token; 0: the same answers"),
        "largest_deviation": Quantity(
            unit="nat", label="Largest deviation of log P", about="per token, of these texts"
        ),
        "changed_greedy_share": Quantity(
            unit="1", label="Changed greedy choices", about="tokens where another one is the likeliest"
        ),
        "energy": Quantity(unit=ENERGY, label="Energy", about="a decision is one text scored; gross"),
        "energy_above_idle": Quantity(
            unit=ENERGY, label="Energy above idle", about="of what was read: gross less idle"
        ),
        "run_time": Quantity(unit=RUN_TIME, label="Run time", about="a decision is one text scored; wall clock"),
    },
    warnings=(
        "A saving is that of this machine. A processor without instructions for bfloat16 or int8 can be slower with "
        "them.",
        "The texts share no beginnings and are scored row by row. Where requests repeat a long prefix, reading it "
        "once saves more.",
        "How far log-probabilities move on 16 everyday sentences does not show what becomes of a task or of a group: "
        "measure those again in the cheaper format (`--dtype` of `commonweal measure`).",
        "The texts are short, about 8 tokens. The longer a request is, the less a batch saves, since one request "
        "already fills the arithmetic.",
        "A cheaper request may be asked more often; the saving per request is not the saving in total.",
    ),
    workload=expected,
)
def mitigation(model: LanguageModel, limit: Limit, journal: Journal, rng: Generator) -> Iterator[Estimate | Missing]:
    """Energy and time of a cheaper format or larger batch over those without it, E(with) / E(without), and its price in
    answers.

    The same 16 texts are scored in float32 one by one, by 4 and by 16, and at the largest batch in bfloat16 and in
    int8. A batch is compared with float32 one by one, a format with float32 at the same batch. 3 to 6 rounds of blocks,
    in each of which every variant has its turn, in about 20 seconds for a model of 135 million parameters on two cores.

    - energy_ratio, time_ratio, above 0: 1, nothing saved; 0.5, half; above 1, it costs more here, and says so.
    - mean_deviation, largest_deviation [nat]: |log P(with) - log P(without)| of each token; 0, the answers are the
      same.
    - changed_greedy_share in [0, 1]: tokens at which another one becomes the likeliest.

    int8: weights of the linear layers but the last in int8 (255 steps per output channel), their inputs too (255 steps
    per token), sums in int32. Energy is read or modelled as in `environment.inference_energy`; what is neither is
    unknown, never 0.

    It does not show that the cheaper answers are good enough, nor what is saved on other hardware.

    Raises
    ------
    NotApplicable
        The model runs elsewhere, or was opened in another format than float32.
    """
    bench = Bench(local_model(model), requests_of(limit))
    possible, left_out = mitigations(len(bench.requests))
    variants = list(dict.fromkeys(each for pair in possible for each in (pair.instead_of, pair.variant)))
    with Meter(model.device) as meter:
        answers, reasons = answered(bench, variants, journal, machine_key(meter))
        if missing := [reasons[pair.instead_of] for pair in possible if pair.instead_of in reasons]:
            raise MeasurementError(
                f"float32 cannot be computed here, and there is nothing to compare with: {missing[0]}"
            )
        seen = seen_of(observe_in_turn([bench.way(each) for each in answers], meter, journal), meter, rng)
    for pair in possible:
        if pair.variant in reasons:
            yield from missing_rows((*SAVINGS, *PRICES), pair.name, ("failed", reasons[pair.variant]))
            continue
        yield from saving_rows(pair, seen)
        yield from price_rows(pair, price(answers[pair.variant], answers[pair.instead_of]))
    yield from _left_out(left_out, limit)
    for each in answers:
        yield from cost_rows(each, seen[each.name], rng)


def _left_out(names: list[str], limit: Limit) -> Iterator[Missing]:
    for name in names:
        reason = f"--limit {limit.items} leaves fewer texts than a {name} needs"
        yield from missing_rows((*SAVINGS, *PRICES), name, ("not_applicable", reason))
