"""V(M) over people: examples by hand, analytic cases, and what must not change when groups are split, permuted or
renamed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from commonweal.assessment.value.spread import LEVELS, DrawSummary
from commonweal.assessment.value.value import Choices, Value, weigh
from commonweal.assessment.value.value_terms import Group, Input, TermItem, Terms, probability, volume
from commonweal.errors import FootprintError
from commonweal.footprint.sampling import Array

MAKER, USER = Group("the firm", "builder", 80_000.0), Group("users", "user", 40_000.0)
REST = Group("everyone else", "residual", 10_000.0)
GROUPS = (MAKER, USER, REST)
UNIT = "USD2020/year"
N = 200
SEEDS = st.integers(0, 2**32 - 1)


def random_terms(seed: int, groups: int = 3, n: int = N) -> Terms:
    """Benefits that can be below 0, and burdens of items with shared inputs, constants and arrays."""
    rng = np.random.default_rng(seed)
    price, intensity = Input("price", rng.uniform(50, 300, n)), Input("intensity", rng.uniform(0.1, 0.9, n))
    return Terms(
        (TermItem(rng.normal(300, 200, (groups, n))),),
        (TermItem(rng.uniform(0, 1, groups), (intensity, price)),),
        (TermItem(rng.uniform(0, 30, groups)),),
        (TermItem(rng.uniform(0, 20, (groups, n))), TermItem(rng.uniform(0, 0.1, groups), (price,))),
    )


def plain_terms(benefit: Array, burden: Array) -> Terms:
    return Terms((TermItem(benefit),), (TermItem(burden),), (), ())


def close(one: DrawSummary | None, other: DrawSummary | None) -> bool:
    assert one is not None
    assert other is not None
    return (one.mean, one.median, one.low, one.high) == pytest.approx(
        (other.mean, other.median, other.low, other.high), rel=1e-9, abs=1e-9
    )


def test_two_groups_by_hand() -> None:
    """Users gain 10, 20, 30 and pay 1; the rest pays 4. V = 5, 15, 25; users' V 9, 19, 29."""
    terms = Terms(
        (TermItem(np.array([[10.0, 20.0, 30.0], [0.0, 0.0, 0.0]])),),
        (TermItem((0.0, 4.0)),),
        (TermItem((1.0, 0.0)),),
        (),
    )
    weighed = weigh((USER, REST), terms, UNIT)
    users, rest = weighed.groups
    assert weighed.value == DrawSummary(15.0, 15.0, pytest.approx(5.5), pytest.approx(24.5))
    assert (weighed.below_zero, users.below_zero, rest.below_zero) == (0.0, 0.0, 1.0)
    assert users.value == DrawSummary(19.0, 19.0, pytest.approx(9.5), pytest.approx(28.5))
    assert rest.value == DrawSummary(-4.0, -4.0, -4.0, -4.0)
    assert users.means == {"benefit": 20.0, "carbon": 0.0, "energy": 1.0, "other": 0.0}
    assert users.benefit_share == DrawSummary(1.0, 1.0, 1.0, 1.0)
    assert rest.burden_share == DrawSummary(
        pytest.approx(0.8), pytest.approx(0.8), pytest.approx(0.8), pytest.approx(0.8)
    )
    assert weighed.weighted.weights == (1.0, pytest.approx(4**1.4))
    assert weighed.weighted.value is not None
    assert weighed.weighted.value.median == pytest.approx(19 - 4 * 4**1.4)
    assert (weighed.missing, weighed.zero_at, weighed.unit, weighed.draws) == ((), None, UNIT, 3)


def test_quantiles_of_sums_that_are_known_exactly() -> None:
    rng = np.random.default_rng(8)
    n = 400_000
    normal = stats.norm(10 - 4, np.hypot(3, 4))
    weighed = weigh((REST,), plain_terms(rng.normal(10, 3, (1, n)), rng.normal(4, 4, (1, n))), UNIT)
    assert weighed.value is not None
    assert (weighed.value.low, weighed.value.median, weighed.value.high) == pytest.approx(normal.ppf(LEVELS), abs=0.08)
    assert weighed.below_zero == pytest.approx(normal.cdf(0), abs=0.003)
    weighed = weigh((REST,), plain_terms(rng.random((1, n)), -rng.random((1, n))), UNIT)
    assert weighed.value is not None
    assert (weighed.value.low, weighed.value.median, weighed.value.high) == pytest.approx(
        stats.triang(0.5, 0, 2).ppf(LEVELS), abs=0.01
    )


def test_a_mixture_of_harm_and_help_is_covered() -> None:
    rng = np.random.default_rng(9)
    n = 300_000
    harmed = rng.random(n) < 0.3
    draws = np.where(harmed, rng.normal(-5, 1, n), rng.normal(5, 2, n))
    weighed = weigh((REST,), plain_terms(draws[None, :], np.zeros((1, n))), UNIT)

    def chance(x: float) -> float:
        return float(0.3 * stats.norm.cdf(x, -5, 1) + 0.7 * stats.norm.cdf(x, 5, 2))

    exact = [brentq(lambda x, level=level: chance(x) - level, -20, 20) for level in LEVELS]
    assert weighed.value is not None
    assert (weighed.value.low, weighed.value.median, weighed.value.high) == pytest.approx(exact, abs=0.05)
    assert weighed.below_zero == pytest.approx(chance(0.0), abs=0.004)
    assert chance(weighed.value.high) - chance(weighed.value.low) == pytest.approx(0.95, abs=0.002)


def test_a_price_drawn_apart_for_each_group_gives_too_narrow_an_interval() -> None:
    """Uniform from 0 to 2, one tonne each: together 4u, from 0.1 to 3.9; apart a triangle, from 0.447 to 3.553."""
    rng = np.random.default_rng(2)
    price, other = (Input(name, rng.uniform(0, 2, 400_000)) for name in ("price", "another price"))
    shared = weigh((USER, REST), Terms((), (TermItem((1.0, 1.0), (price,)),), (), ()), UNIT)
    apart = weigh(
        (USER, REST), Terms((), (TermItem((1.0, 0.0), (price,)), TermItem((0.0, 1.0), (other,))), (), ()), UNIT
    )
    ends = [(one.terms["carbon"].low, one.terms["carbon"].high) for one in (shared, apart)]
    assert ends == [pytest.approx((0.1, 3.9), abs=0.02), pytest.approx((0.447, 3.553), abs=0.02)]


def test_the_same_name_drawn_twice_is_refused() -> None:
    once, again = Input("price", np.ones(3)), Input("price", np.ones(3))
    with pytest.raises(FootprintError, match="input 'price' is there twice; draw it once"):
        weigh((USER, REST), Terms((), (TermItem((1.0, 0.0), (once,)), TermItem((0.0, 1.0), (again,))), (), ()), UNIT)


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.floats(-3, 3), st.sampled_from(["benefit", "carbon", "energy", "other"]))
def test_v_is_linear_in_each_term(seed: int, factor: float, name: str) -> None:
    terms = random_terms(seed)

    def with_term(scale: float) -> Value:
        scaled = tuple(replace(item, amounts=np.asarray(item.amounts) * scale) for item in terms.of(name) or ())  # type: ignore[arg-type]
        return weigh(GROUPS, replace(terms, **{name: scaled}), UNIT)

    none, one, many = (with_term(scale).value for scale in (0.0, 1.0, factor))
    assert none is not None
    assert one is not None
    assert many is not None
    assert many.mean == pytest.approx(none.mean + factor * (one.mean - none.mean), rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_shares_sum_to_one_and_parts_to_the_whole(seed: int) -> None:
    weighed = weigh(GROUPS, random_terms(seed), UNIT)
    shares = [(group.benefit_share, group.burden_share) for group in weighed.groups]
    for side in (0, 1):
        parts = [pair[side] for pair in shares]
        assert sum(part.mean for part in parts if part) == pytest.approx(1.0)
        assert all(part is not None and 0 <= part.low <= part.median <= part.high <= 1 for part in parts)
    assert weighed.value is not None
    assert sum(group.value.mean for group in weighed.groups if group.value) == pytest.approx(weighed.value.mean)
    for name, term in weighed.terms.items():
        assert sum(group.means[name] for group in weighed.groups) == pytest.approx(term.mean)
    assert weighed.value.mean == pytest.approx(
        weighed.terms["benefit"].mean
        - weighed.terms["carbon"].mean
        - weighed.terms["energy"].mean
        - weighed.terms["other"].mean
    )


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.floats(0.05, 0.95))
def test_splitting_a_group_changes_neither_the_total_nor_its_probability(seed: int, part: float) -> None:
    terms = random_terms(seed)

    def split(items: tuple[TermItem, ...] | None) -> tuple[TermItem, ...]:
        rows = (np.asarray(item.amounts) for item in items or ())
        return tuple(
            replace(item, amounts=np.concatenate([row[:1], part * row[1:2], (1 - part) * row[1:2], row[2:]]))
            for item, row in zip(items or (), rows, strict=True)
        )

    whole = weigh(GROUPS, terms, UNIT)
    apart = Terms(split(terms.benefit), split(terms.carbon), split(terms.energy), split(terms.other))
    parts = weigh((MAKER, USER, Group("other users", "user", USER.income), REST), apart, UNIT)
    assert close(whole.value, parts.value)
    assert close(whole.weighted.value, parts.weighted.value)
    assert parts.below_zero == pytest.approx(whole.below_zero, abs=1 / N)
    assert whole.switches is not None
    assert parts.switches is not None
    assert [one.name for one in whole.switches] == [one.name for one in parts.switches]
    assert [one.at for one in whole.switches] == pytest.approx([one.at for one in parts.switches])
    of_user = (parts.groups[1].burden_share, parts.groups[2].burden_share)
    assert whole.groups[1].burden_share is not None
    assert sum(one.mean for one in of_user if one) == pytest.approx(whole.groups[1].burden_share.mean)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.permutations([0, 1, 2]))
def test_permuted_groups_give_permuted_results(seed: int, order: list[int]) -> None:
    terms, places = random_terms(seed, groups=4), [*order, 3]
    groups = (MAKER, USER, Group("neighbours", "reached", 5_000.0), REST)

    def turned(items: tuple[TermItem, ...] | None) -> tuple[TermItem, ...]:
        return tuple(replace(item, amounts=np.asarray(item.amounts)[places]) for item in items or ())

    before = weigh(groups, terms, UNIT)
    after_terms = Terms(turned(terms.benefit), turned(terms.carbon), turned(terms.energy), turned(terms.other))
    after = weigh([groups[index] for index in places], after_terms, UNIT)
    assert close(before.value, after.value)
    for index, one in zip(places, after.groups, strict=True):
        assert one.group == groups[index]
        assert close(one.value, before.groups[index].value)
        assert close(one.benefit_share, before.groups[index].benefit_share)
    assert (before.evenness is None) == (after.evenness is None)
    if before.evenness and after.evenness:
        assert after.evenness.probability == pytest.approx(before.evenness.probability, abs=2 / N)


def test_doubled_volume_doubles_inference_only() -> None:
    rng = np.random.default_rng(4)
    price = Input("price", rng.uniform(100, 300, N))

    def at(tasks: float) -> Value:
        use = volume(Input("volume", np.full(N, tasks)))
        made = TermItem((0.0, 0.0, 2.0), (price,), "making the model")
        return weigh(
            GROUPS,
            Terms((), (TermItem((0.0, 0.0, 1e-6), (use, price)),), (TermItem((1e-3, 0.0, 0.0), (use,)),), (made,)),
            UNIT,
        )

    once, twice = at(1e5), at(2e5)
    for name, factor in (("carbon", 2.0), ("energy", 2.0), ("other", 1.0)):
        assert twice.terms[name].median == pytest.approx(factor * once.terms[name].median)  # type: ignore[index]


def test_constant_inputs_give_no_width_and_plain_numbers_need_no_draws() -> None:
    weighed = weigh(
        GROUPS,
        Terms((TermItem((3.0, 2.0, 1.0)),), (TermItem((0.0, 0.0, 1.0), (Input("price", np.full(50, 2.0)),)),), (), ()),
        UNIT,
    )
    assert weighed.value == DrawSummary(4.0, 4.0, 4.0, 4.0)
    assert weigh(GROUPS, Terms((TermItem((3.0, 2.0, 1.0)),), (), (), ()), UNIT).draws == 1


def test_an_undeclared_benefit_leaves_v_unknown_and_says_what_it_would_have_to_be() -> None:
    price = Input("price", np.linspace(100, 300, 201))
    weighed = weigh(
        GROUPS, Terms(None, (TermItem((0.0, 0.0, 2.0), (price,)),), (TermItem((5.0, 0.0, 0.0)),), None), UNIT
    )
    assert (weighed.value, weighed.below_zero, weighed.switches, weighed.evenness) == (None, None, None, None)
    assert [group.value for group in weighed.groups] == [None] * 3
    assert weighed.missing == ("benefit", "other")
    assert "other" not in weighed.terms
    assert weighed.zero_at is not None
    assert (weighed.zero_at.of, weighed.zero_at.without) == (("benefit",), ("other",))
    assert (weighed.zero_at.at.low, weighed.zero_at.at.median, weighed.zero_at.at.high) == pytest.approx(
        (215, 405, 595)
    )
    assert [group.benefit_share for group in weighed.groups] == [None] * 3
    assert [group.burden_share for group in weighed.groups] == [
        None
    ] * 3  # a share of the burdens that are known is no share of all
    assert weighed.weighted.why_not == "V is unknown"


def test_an_undeclared_burden_says_how_large_it_may_be() -> None:
    found = weigh(GROUPS, Terms((TermItem((0.0, 30.0, 0.0)),), (TermItem((0.0, 0.0, 10.0)),), (), None), UNIT)
    assert found.value is None
    assert found.zero_at is not None
    assert (found.zero_at.of, found.zero_at.at.median) == (("other",), 20.0)


def test_nothing_declared_is_unknown_and_nothing_at_all_is_zero() -> None:
    unknown, nothing = weigh(GROUPS, Terms(None, None, None, None), UNIT), weigh(GROUPS, Terms((), (), (), ()), UNIT)
    assert unknown.value is None
    assert nothing.value == DrawSummary(0.0, 0.0, 0.0, 0.0)
    assert [one.burden_share for one in (*unknown.groups, *nothing.groups)] == [None] * 6


def test_weights_are_unknown_only_where_a_stake_has_no_income() -> None:
    rest = Group("everyone else", "residual")
    idle = weigh((USER, rest), Terms((TermItem((9.0, 0.0)),), (), (), ()), UNIT)
    assert idle.weighted.value is not None
    staked = weigh((USER, rest), Terms((TermItem((9.0, 0.0)),), (TermItem((0.0, 1.0)),), (), ()), UNIT)
    assert staked.weighted.value is None
    assert staked.weighted.why_not == "no income is declared for everyone else"
    even = weigh(
        (USER, rest), Terms((TermItem((9.0, 0.0)),), (TermItem((0.0, 1.0)),), (), ()), UNIT, Choices(elasticity=0.0)
    )
    assert even.weighted.value == even.value
    scaled = weigh(
        (USER, REST),
        Terms((TermItem((9.0, 0.0)),), (TermItem((0.0, 1.0)),), (), ()),
        UNIT,
        Choices(reference_income=10_000.0),
    )
    assert scaled.weighted.weights == (pytest.approx(4**-1.4), 1.0)


ONES = np.ones(4)
BAD = [
    (lambda: probability(Input("p", np.array([0.5, 1.2]))), r"probability 'p': goes from 0.5 to 1.2; expected numbers from 0 to 1"),
    (lambda: probability(Input("p", np.array([0.5]), 0.1, 1.5)), "from 0.1 to 1.5"),
    (lambda: volume(Input("v", np.zeros(3))), "volume 'v': got 0; expected more than 0 tasks"),
    (lambda: Input("price", np.array([])), "expected \\(draw,\\), at least one"),
    (lambda: Input("price", np.array([1.0, np.nan])), "input 'price': a draw is not a finite number"),
    (lambda: Input("price", np.array([1.0, np.inf])), "not a finite number"),
    (lambda: weigh(GROUPS, plain_terms(np.full((3, 4), np.nan), np.ones((3, 4))), UNIT), "benefit of group 'the "
    "firm': a draw is not"),
    (
        lambda: weigh((REST,), Terms((), (TermItem((1e200,), (Input("price", np.full(3, 1e200)),)),), (), ()), UNIT),
        "carbon of group 'everyone else': a draw is not a finite number",
    ),
    (lambda: weigh(GROUPS, plain_terms(np.ones((2, 4)), np.ones((3, 4))), UNIT), "got 2 amounts for 3 groups"),
    (lambda: weigh(GROUPS, plain_terms(np.ones((3, 4)), np.ones((3, 5))), UNIT), r"got \[4, 5\] draws in different places"),
    (lambda: weigh(GROUPS, plain_terms(np.ones((3, 0)), np.ones((3, 0))), UNIT), r"got \[0\] draws"),
    (lambda: weigh(GROUPS, Terms((TermItem((ONES, 1.0, np.ones(5))),), (), (), ()), UNIT), r"got \[4, 5\] draws"),
    (lambda: weigh((), Terms((), (), (), ()), UNIT), "do not add up to everybody"),
    (lambda: weigh((REST, USER), Terms((), (), (), ()), UNIT), "do not add up to everybody"),
    (lambda: weigh((USER, USER, REST), Terms((), (), (), ()), UNIT), "two groups have the same name"),
    (lambda: weigh((Group("poor", "residual", 0.0),), Terms((), (), (), ()), UNIT), "got an income of 0"),
    (lambda: weigh(GROUPS, Terms((), (), (), ()), UNIT, Choices(elasticity=-1)), "elasticity: got -1"),
    (lambda: weigh(GROUPS, Terms((), (), (), ()), UNIT, Choices(reference_income=0)), "reference income: got 0"),
    (lambda: weigh(GROUPS, Terms((), (), (), ()), UNIT, Choices(threshold=1.5)), "threshold: got 1.5"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "told"), BAD)
def test_what_cannot_be_is_refused(call: object, told: str) -> None:
    with pytest.raises(FootprintError, match=told):
        call()  # type: ignore[operator]
