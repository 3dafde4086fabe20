"""From a declared deployment and its ledger to the groups and terms of V(M).

Whom what falls on: carbon, that of making the hardware included, on everyone else and the future, but for the share
that a population is declared to bear; electricity on the actor who pays for it; declared benefits and burdens on whom
they name. What nobody put into money makes its term unknown, and V with it: there is no silent 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment.value.allocation import EMBODIED, upstream, without_making, without_origin
from commonweal.assessment.value.ledger import EVERYONE_ELSE, INFERENCE, CarbonLedger, Draws, LedgerLine, Product, said
from commonweal.assessment.value.value_terms import Group, Input, Role, TermItem, Terms
from commonweal.footprint.carbon_price import published
from commonweal.footprint.energy import KG_PER_T
from commonweal.footprint.money import price_year
from commonweal.system.footprints import Valuation
from commonweal.system.records import Deployment, Stake, System
from commonweal.system.uncertain import Uncertain

BUILDERS = frozenset({"provider", "adapter"})
APART = frozenset({"affected", "regulator", "data creator", "curator"})  # who neither makes, runs nor uses the system


@dataclass(frozen=True, slots=True)
class Weighing:
    """What `weigh` needs for one deployment, and why each unknown term is unknown.

    `lines`: what the deployment carries; `making`: the whole stages of making of everything upstream of it;
    `why_making`: why those are not all known. `overlap`: why the groups of people cannot be told apart; empty where
    they can.
    """

    deployment: Deployment
    value: Valuation
    groups: tuple[Group, ...]
    terms: Terms
    why_not: Mapping[str, tuple[str, ...]]
    lines: tuple[LedgerLine, ...]
    making: tuple[LedgerLine, ...]
    why_making: tuple[str, ...]
    overlap: str


def weighing(system: System, deployment: Deployment, books: CarbonLedger, draws: Draws) -> Weighing:
    """Groups and terms of a deployment that declares how its value is reckoned."""
    value = deployment.value
    assert value is not None
    lines = books.of(deployment.key)
    above = upstream(system, deployment.application)
    whole = tuple(line for line in books.whole if line.asset in above)
    groups = _groups(system, deployment, value)
    places = {group.name: place for place, group in enumerate(groups)}
    reckoner = _Reckoner(system, deployment, value, draws, places)
    benefit, no_benefit = reckoner.stakes("benefit", deployment.benefits)
    other, no_other = reckoner.stakes("burden", deployment.burdens)
    lacking = books.carried.undeclared(deployment)
    making = [line for line in lines if line.stage != EMBODIED]
    embodied = [line for line in lines if line.stage == EMBODIED]
    carbon, no_carbon = reckoner.carbon(making, lacking)
    embodied_items, no_embodied = reckoner.carbon(embodied, books.carried.undeclared_hardware(deployment))
    energy, no_energy = reckoner.electricity(making, lacking)
    why_not = {"benefit": no_benefit, "carbon": no_carbon, "energy": no_energy, "other": (*no_other, *no_embodied)}
    terms = Terms(
        benefit=None if why_not["benefit"] else benefit,
        carbon=None if why_not["carbon"] else carbon,
        energy=None if why_not["energy"] else energy,
        other=None if why_not["other"] else (*other, *embodied_items),
    )
    return Weighing(
        deployment,
        value,
        groups,
        terms,
        {name: why for name, why in why_not.items() if why},
        lines,
        whole,
        (*without_origin(system, above), *without_making(system, above)),
        _overlap(deployment),
    )


def _groups(system: System, deployment: Deployment, value: Valuation) -> tuple[Group, ...]:
    """Everyone with a stake, and last everyone else: actors by their role, people by population and group."""
    groups: dict[str, Group] = {}
    stakes = [
        stake
        for side in (deployment.benefits, deployment.burdens)
        for stake in ((side,) if isinstance(side, str) else side)
    ]
    payers = [
        _payer(system, deployment, value),
        *(system.asset(name).actor for name in upstream(system, deployment.application)),
    ]
    for name in [stake.actor for stake in stakes if isinstance(stake, Stake)] + payers:
        actor = system.actor(name)
        if actor is not None and actor.id not in groups:
            role: Role = (
                "builder" if BUILDERS & set(actor.roles) else "deployer" if "deployer" in actor.roles else "user"
            )
            role = "reached" if set(actor.roles) <= APART else role
            groups[actor.id] = Group(actor.id, role, actor.income)
    for stake in stakes:
        if isinstance(stake, Stake) and stake.population is not None:
            people = system.population(stake.population)
            name = _people(stake)
            groups.setdefault(name, Group(name, "reached", people.income if people else None))
    for name in value.carbon_borne:
        people = system.population(name)
        groups.setdefault(name, Group(name, "reached", people.income if people else None))
    return (*groups.values(), Group(EVERYONE_ELSE, "residual", value.everyone_else_income))


def _overlap(deployment: Deployment) -> str:
    """A note on stakes whose groups overlap: a population and a part of it, or parts of it by different attributes."""
    borne = deployment.value.carbon_borne if deployment.value else {}
    cuts: dict[str, set[tuple[str, ...]]] = {name: {()} for name in borne}
    for side in (deployment.benefits, deployment.burdens):
        for one in side if not isinstance(side, str) else ():
            if one.population is not None:
                cuts.setdefault(one.population, set()).add(tuple(sorted(one.group or {})))
    found = [name for name, kinds in cuts.items() if len(kinds) > 1]
    return (
        f"benefits and burdens of {', '.join(found)} are declared for groups that overlap (the whole and a part, or "
        "parts by different attributes); declare each for the same groups"
        if found
        else ""
    )


def _people(stake: Stake) -> str:
    part = ", ".join(f"{attribute} {group}" for attribute, group in (stake.group or {}).items())
    return f"{stake.population}: {part}" if part else str(stake.population)


def _payer(system: System, deployment: Deployment, value: Valuation) -> str | None:
    return value.payer or system.asset(deployment.application).actor


class _Reckoner:
    """Builds the items of each term; a reason in the place of an item makes the term unknown."""

    def __init__(
        self, system: System, deployment: Deployment, value: Valuation, draws: Draws, places: Mapping[str, int]
    ) -> None:
        self.system, self.deployment, self.value, self.draws, self.places = system, deployment, value, draws, places

    def item(self, amounts: Mapping[str, float], inputs: Iterable[Input], what: str) -> TermItem:
        row = [0.0] * len(self.places)
        for name, amount in amounts.items():
            row[self.places[name]] += amount
        return TermItem(tuple(row), tuple(inputs), what)

    def stakes(self, kind: str, stakes: tuple[Stake, ...] | str) -> tuple[tuple[TermItem, ...], tuple[str, ...]]:
        """What people gain or bear; `none` is nothing, and an empty list is no answer."""
        if isinstance(stakes, str):
            return (), (f"{kind}s are declared unknown",) if stakes == "unknown" else ()
        if not stakes:
            return (), (f"no {kind} is declared (write `{kind}s: none` if there is none)",)
        items, why_not = [], []
        for number, stake in enumerate(stakes, 1):
            holder = stake.actor or _people(stake)
            if not isinstance(stake.worth, Uncertain):
                why_not.append(f"the worth of {kind} {number} ({holder}: {stake.what}) is {said(stake.worth)}")
                continue
            _, _, per = price_year(stake.worth.unit)
            times = {"task": self._tasks(), "year": self.value.years, "": 1.0}.get(per)
            if times is None:
                lacks = (
                    f"the volume of {self.deployment.key} is not declared"
                    if per == "task"
                    else "a worth is per task, per year or once"
                )
                why_not.append(f"the worth of {kind} {number} is per {per}, and {lacks}")
                continue
            unit = self.value.unit + (f"/{per}" if per else "")
            given = self.draws.of(
                f"{kind} {number} of {self.deployment.key} ({holder}: {stake.what})", stake.worth, unit
            )
            items.append(self.item({holder: times}, (given,), stake.what))
        return tuple(items), tuple(why_not)

    def _tasks(self) -> float | None:
        volume = self.deployment.volume
        return float(volume) * self.value.years if isinstance(volume, int | float) else None

    def carbon(
        self, lines: Sequence[LedgerLine], lacking: tuple[str, ...]
    ) -> tuple[tuple[TermItem, ...], tuple[str, ...]]:
        """Carbon at its cost to the world."""
        price, no_price = self._carbon_price()
        why_not = [*lacking, *(reason for line in lines if line.carbon is None for reason in line.unknown)]
        if lines and price is None:
            why_not.append(no_price)
        items = [
            item
            for line in lines
            if (one := line.carbon) is not None and price is not None
            for item in self._borne(one.factor / KG_PER_T, (*one.inputs, price), f"carbon of {line.title}")
        ]
        return tuple(items), tuple(dict.fromkeys(why_not))

    def _borne(self, factor: float, inputs: tuple[Input, ...], what: str) -> Iterator[TermItem]:
        """The cost on everyone else, with the share that each population bears moved to it."""
        yield self.item({EVERYONE_ELSE: factor}, inputs, what)
        for name, share in self.value.carbon_borne.items():
            given = self.draws.of(f"share of the cost of carbon that {name} bears", share)
            yield self.item({name: factor, EVERYONE_ELSE: -factor}, (*inputs, given), f"{what}, borne by {name}")

    def _carbon_price(self) -> tuple[Input | None, str]:
        given, unit = self.value.carbon_price, f"{self.value.unit}/t"
        if given is None or given == "unknown":
            return None, f"the price of carbon is {said(given)}"
        if isinstance(given, str):
            price, (low, central, high) = published(given)
            rates = (
                f"emission of {given.partition('/')[2]}, {price.unit[3:7]} dollars; discounted at {price.said(given)}"
            )
            given = Uncertain(
                low=low,
                central=central,
                high=high,
                shape="lognormal",
                unit=price.unit,
                grade="literature",
                source=f"{price.source}; {rates}; the central one is taken for the median, the others for the 2.5 and "
                "97.5 % quantiles",
            )
        return self.draws.of("price of carbon", given, unit), ""

    def electricity(
        self, lines: Sequence[LedgerLine], lacking: tuple[str, ...]
    ) -> tuple[tuple[TermItem, ...], tuple[str, ...]]:
        """Electricity at its price: of making on who made it, of use on who pays for it."""
        price = self.value.electricity_price
        why_not = [*lacking, *(reason for line in lines if line.energy is None for reason in line.unknown)]
        items = []
        for line in lines:
            used = line.stage == INFERENCE
            payer = _payer(self.system, self.deployment, self.value) if used else self.system.asset(line.asset).actor
            if payer not in self.places:
                why_not.append(f"who pays for the electricity of {line.title} is {said(payer)}")
            elif not isinstance(price, Uncertain):
                why_not.append(f"the price of electricity is {said(price)}")
            elif isinstance(line.energy, Product):
                cost = self.draws.of("price of electricity", price, f"{self.value.unit}/kWh")
                what = f"electricity of {line.title}"
                items.append(self.item({str(payer): line.energy.factor}, (*line.energy.inputs, cost), what))
        return tuple(items), tuple(dict.fromkeys(why_not))
