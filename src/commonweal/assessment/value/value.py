"""V = S - C - E - O of a deployment as a distribution over people: pure arrays in, numbers out.

S is its benefit, C the social cost of its carbon, E the cost of its energy, O what else it burdens people with, each
per group of people and per draw of the uncertain inputs, all in one unit of money with its price year. A term that
nobody has declared is unknown, and so is V.

What it does not show: whether the declared inputs are right, what nobody has put into money, and whether people who
lose agree to pay for people who gain. V > 0 is no permission.

Source
------
Bommasani et al. 2021, arXiv 2108.07258, section 5.3: V(M) = S(M) - C(M) - E(M) - O(M), as a distribution over groups.
Weights by income: US Office of Management and Budget 2023, Circular A-4, section on distributional effects, elasticity
1.4; a choice (Executive Order 14192 of January 2025 put the circular of 2003, which has no such weights, in its place).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from commonweal.assessment.value.spread import DrawSummary, spread
from commonweal.assessment.value.switching import Switch, switching_values
from commonweal.assessment.value.value_books import rows
from commonweal.assessment.value.value_shares import Evenness, GroupShares, shares_and_evenness
from commonweal.assessment.value.value_terms import SIGNS, Group, TermName, Terms, draws_of
from commonweal.errors import FootprintError
from commonweal.footprint.sampling import Array

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices of ours, not findings.

    elasticity : eta of the marginal value of income, >= 0; 0: a dollar counts alike for everybody.
    reference_income : income whose dollar counts 1; by default the largest income of a group with a stake. It scales
        the weighted V, and never changes its sign.
    threshold : share of benefit and of burden above which the evenness alarm speaks, in [0, 1).
    """

    elasticity: float = 1.4
    reference_income: float | None = None
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class GroupValue:
    """V and its terms for one group.

    value, below_zero : V_g, and P(V_g < 0) in [0, 1]; None where a term is not declared.
    means : of each declared term, over the draws; over groups they add up to the mean of the term.
    benefit_share, burden_share : of all groups' benefit and burden, in [0, 1]; None: unknown, or there is none to share
        out.
    """

    group: Group
    value: DrawSummary | None
    below_zero: float | None
    means: Mapping[TermName, float]
    benefit_share: DrawSummary | None
    burden_share: DrawSummary | None


@dataclass(frozen=True, slots=True)
class WeightedValue:
    """V with weights w_g = (reference income / income of the group)^eta: what it is where a dollar counts more for the
    poor.

    value, below_zero : of the weighted V, and P(weighted V < 0); None, with the reason, where it is unknown.
    weights : per group; None for a group without an income.
    """

    elasticity: float
    reference_income: float | None
    weights: tuple[float | None, ...]
    value: DrawSummary | None
    below_zero: float | None
    why_not: str


@dataclass(frozen=True, slots=True)
class ZeroAt:
    """What undeclared terms would have to be for V = 0; there is none where neither the benefit nor any burden is
    declared.

    of : the terms, whose sum this is about: the benefit where it is not declared, else the burdens that are not.
    without : terms that are not declared either and are left out, so the true figure lies above for a burden above 0.
    """

    of: tuple[TermName, ...]
    at: DrawSummary
    without: tuple[TermName, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """V over all groups, what it is made of, whom it falls on, and what would change its sign.

    value, below_zero : V, and P(V < 0) in [0, 1]; None where a term is `missing`.
    terms : each declared term over all groups.
    benefit_defined, burden_defined : share of the draws with any benefit, or burden; the shares are over these.
    evenness : None where the benefit or a burden is unknown or there is none, or where no builder or deployer is among
        the groups.
    zero_at : None where V is known, or nothing is.
    switches : in order, the input that needs to move least first; None where V is unknown.
    """

    unit: str
    draws: int
    value: DrawSummary | None
    below_zero: float | None
    terms: Mapping[TermName, DrawSummary]
    missing: tuple[TermName, ...]
    groups: tuple[GroupValue, ...]
    benefit_defined: float | None
    burden_defined: float | None
    zero_at: ZeroAt | None
    weighted: WeightedValue
    evenness: Evenness | None
    switches: tuple[Switch, ...] | None


def weigh(groups: Sequence[Group], terms: Terms, unit: str, choices: Choices | None = None) -> Value:
    """Weigh a deployment: V, its terms, its groups, and what would flip its sign.

    Parameters
    ----------
    groups : the last one is the residual one, everyone else and the future.
    terms : all in `unit`; inputs that groups share are drawn once.
    unit : money with its price year, such as USD2020 or USD2020/year.

    >>> from commonweal.assessment.value.value_terms import TermItem
    >>> user, rest = Group("users", "user"), Group("everyone else", "residual")
    >>> one = Terms((TermItem((9.0, 0.0)),), (TermItem((0.0, 2.0)),), (TermItem((1.0, 0.0)),), ())
    >>> found = weigh((user, rest), one, "USD2020/year")
    >>> found.value.median, found.below_zero, [part.value.median for part in found.groups]
    (6.0, 0.0, [8.0, -2.0])
    """
    choices = _checked(choices or Choices())
    n, known = draws_of(groups, terms), not terms.missing
    totals = {name: np.zeros(n) for name, _ in terms.declared()}
    people, weighted, gained, lost = _by_group(groups, terms, totals, n, choices)
    has_benefit = terms.benefit is not None
    has_burden = all(
        name in totals for name in SIGNS if SIGNS[name] < 0
    )  # a share of a part of the burdens is not a share of them
    benefit, burden, evenness = shares_and_evenness(groups, terms, gained, lost, choices.threshold)
    benefit, burden = benefit if has_benefit else None, burden if has_burden else None
    total = _total(totals, n)
    return Value(
        unit=unit,
        draws=n,
        value=spread(total) if known else None,
        below_zero=_below_zero(total, float(gained.max() + lost.max())) if known else None,
        terms={name: spread(draws) for name, draws in totals.items()},
        missing=terms.missing,
        groups=tuple(
            replace(one, benefit_share=_of(benefit, place), burden_share=_of(burden, place))
            for place, one in enumerate(people)
        ),
        benefit_defined=benefit.defined if benefit else None,
        burden_defined=burden.defined if burden else None,
        zero_at=None if known else _zero_at(terms, total),
        weighted=weighted,
        evenness=evenness if has_benefit and has_burden else None,
        switches=switching_values(terms, total) if known else None,
    )


def _checked(choices: Choices) -> Choices:
    if not (math.isfinite(choices.elasticity) and choices.elasticity >= 0):
        raise FootprintError(f"elasticity: got {choices.elasticity:g}; expected a number of at least 0")
    if choices.reference_income is not None and not choices.reference_income > 0:
        raise FootprintError(f"reference income: got {choices.reference_income:g}; expected a number above 0")
    if not 0 <= choices.threshold < 1:
        raise FootprintError(f"threshold: got {choices.threshold:g}; expected a share from 0 to below 1")
    return choices


def _total(totals: Mapping[TermName, Array], n: int) -> Array:
    """S - C - E - O over the declared terms, float64 (draw,)."""
    total = np.zeros(n)
    for name, draws in totals.items():
        np.add(total, draws, out=total) if SIGNS[name] > 0 else np.subtract(total, draws, out=total)
    return total


def _below_zero(draws: Array, scale: float) -> float:
    """Share of draws below 0; what rounding alone put there, less than 1e-12 of `scale` (largest gain and loss), is
    0.
    """
    return float(np.count_nonzero(draws < -ROUNDING * scale) / draws.size)


def _of(shares: GroupShares | None, place: int) -> DrawSummary | None:
    return shares.by_group[place] if shares else None


def _by_group(
    groups: Sequence[Group], terms: Terms, totals: Mapping[TermName, Array], n: int, choices: Choices
) -> tuple[list[GroupValue], WeightedValue, Array, Array]:
    """V_g of each group in turn, without its shares; the weighted V; the gains and the losses of all.

    Fills `totals`.
    """
    known, eta = not terms.missing, choices.elasticity
    people: list[GroupValue] = []
    staked: list[Group] = []
    weighted, gained, lost, size = np.zeros(n), np.zeros(n), np.zeros(n), 0.0
    for group, row in zip(groups, rows(groups, terms, n, totals), strict=True):
        gained += row.gains
        lost += row.losses
        staked += [group] if row.gains.any() or row.losses.any() else []
        if not known:
            people.append(GroupValue(group, None, None, row.means, None, None))
            continue
        scale = float(row.gains.max() + row.losses.max())
        worth = np.subtract(row.gains, row.losses, out=row.gains)
        people.append(GroupValue(group, spread(worth), _below_zero(worth, scale), row.means, None, None))
        weight = 1.0 if eta == 0.0 else 0.0 if group.income is None else group.income**-eta
        worth *= weight
        weighted += worth
        size += scale * weight
    return people, _weighted(groups, staked, (weighted, size), choices, known=known), gained, lost


def _weighted(
    groups: Sequence[Group], staked: list[Group], sums: tuple[Array, float], choices: Choices, *, known: bool
) -> WeightedValue:
    """The weighted V from sum_g V_g / income_g^eta, and that of the largest gains and losses, which the reference
    income brings to its scale.
    """
    weighted, size = sums
    eta = choices.elasticity
    incomes = [group.income for group in staked if group.income is not None]
    lacking = [group.name for group in staked if group.income is None] if eta else []
    reference = choices.reference_income or max(incomes, default=None)
    weights = tuple(
        1.0 if eta == 0.0 else None if group.income is None or reference is None else (reference / group.income) ** eta
        for group in groups
    )
    why_not = "V is unknown" if not known else f"no income is declared for {', '.join(lacking)}" if lacking else ""
    if why_not:
        return WeightedValue(eta, reference, weights, None, None, why_not)
    below = _below_zero(weighted, size)
    weighted *= 1.0 if eta == 0.0 or reference is None else reference**eta
    return WeightedValue(eta, reference, weights, spread(weighted), below, "")


def _zero_at(terms: Terms, net: Array) -> ZeroAt | None:
    """The undeclared benefit or burden at which V = 0; `net` is S - C - E - O over the declared terms."""
    if len(terms.missing) == len(SIGNS):
        return None
    if terms.benefit is None:
        return ZeroAt(("benefit",), spread(-net), tuple(name for name in terms.missing if name != "benefit"))
    return ZeroAt(terms.missing, spread(net), ())
