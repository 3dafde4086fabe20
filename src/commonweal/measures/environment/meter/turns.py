"""The edge: several ways of doing the same work, measured in turn, so that a busy machine hits all of them alike.

In each round every way has one block; the round after begins with another way. Before the first round each is tried
without counting, which finds how many passes fill a block and how many rounds fit into the time. Each block and each
rest is one item of the journal: a run that was killed goes on at the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, sleep

from commonweal.evidence.journal import Item, Journal
from commonweal.measures.environment.meter.meter import Meter, Spent
from commonweal.measures.environment.meter.observation import COMPONENTS, REST_S, Observation, machine_key
from commonweal.measures.environment.meter.power_model import MeteredBlock

# Choices: half a second is 500 updates of RAPL; fourteen seconds of blocks keep the whole measure to about twenty with
# the embedded model; on a machine too slow for that three rounds must do, which leave two degrees of freedom.
BLOCK_S = 0.5
ALL_BLOCKS_S = 14.0
FEWEST_ROUNDS, MOST_ROUNDS = 3, 6


@dataclass(frozen=True, slots=True)
class TimedWork:
    """One way of doing the work.

    `run` answers the first so many requests; `requests` are in a pass, `tried` in the trial. `elsewhere_gb`: memory
    that is held for other ways only and is none of this one's.
    """

    name: str
    run: Callable[[int], None]
    requests: int
    tried: int
    elsewhere_gb: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rounds, and how many passes each way makes in a block."""

    rounds: int
    passes: tuple[int, ...]


def planned(pass_s: Sequence[float]) -> Plan:
    """As many passes as fill a block, and as many rounds as fit into the time, 3 to 6.

    >>> planned([0.1, 1.0]), planned([4.0, 4.0]), planned([1e-6])
    (Plan(rounds=6, passes=(5, 1)), Plan(rounds=3, passes=(1, 1)), Plan(rounds=6, passes=(5000,)))
    """
    passes = tuple(min(max(round(BLOCK_S / max(each, 1e-9)), 1), 5000) for each in pass_s)
    round_s = sum(count * each for count, each in zip(passes, pass_s, strict=True))
    return Plan(min(max(int(ALL_BLOCKS_S / round_s), FEWEST_ROUNDS), MOST_ROUNDS), passes)


def observe_in_turn(ways: Sequence[TimedWork], meter: Meter, journal: Journal) -> dict[str, Observation]:
    """The blocks of each way by its name; what an earlier run on this machine wrote down is read back."""
    prefix = f"{machine_key(meter)}/{ways[0].requests} requests"
    plan = _plan(ways, journal, prefix)
    rests = [_rest(meter, journal, f"{prefix}/rest-before")] if meter.counters else []
    blocks: dict[str, list[MeteredBlock]] = {way.name: [] for way in ways}
    for number in range(plan.rounds):
        for place in range(len(ways)):
            at = (place + number) % len(ways)
            key = _block_key(prefix, ways[at], number)
            if key not in journal:
                journal.append([_block_item(key, ways[at], plan.passes[at], meter)])
            blocks[ways[at].name].append(_block(journal[key]))
    if meter.counters:
        rests.append(_rest(meter, journal, f"{prefix}/rest-after"))
    idle_w = _idle_w(rests, meter)
    return {name: Observation(tuple(own), idle_w, repeated=True) for name, own in blocks.items()}


def _block_key(prefix: str, way: TimedWork, number: int) -> str:
    return f"{prefix}/{way.name}/block-{number}"


def _plan(ways: Sequence[TimedWork], journal: Journal, prefix: str) -> Plan:
    """The plan, read back where there is one.

    Unless every block is there, each way is tried first: that also makes its copy.
    """
    key = "/".join([prefix, "plan", *(way.name for way in ways)])
    if key in journal:
        plan = Plan(int(journal[key]["rounds"]), tuple(journal[key]["passes"]))
        if not all(_block_key(prefix, way, number) in journal for way in ways for number in range(plan.rounds)):
            for way in ways:
                way.run(1)
        return plan
    plan = planned([_tried_s(way) for way in ways])
    journal.append([{"key": key, "rounds": plan.rounds, "passes": list(plan.passes)}])
    return plan


def _tried_s(way: TimedWork) -> float:
    """Time of one pass [s], from a trial after one request that warms up."""
    way.run(1)
    began = perf_counter()
    way.run(way.tried)
    return (perf_counter() - began) * way.requests / way.tried


def _block_item(key: str, way: TimedWork, passes: int, meter: Meter) -> Item:
    def work() -> None:
        for _ in range(passes):
            way.run(way.requests)

    spent = _spent(meter, work)
    return _item(key, passes * way.requests, spent, max(spent.memory_gb - way.elsewhere_gb(), 0.0))


def _rest(meter: Meter, journal: Journal, key: str) -> MeteredBlock:
    if key not in journal:
        spent = _spent(meter, partial(sleep, REST_S))
        journal.append([_item(key, 0, spent, spent.memory_gb)])
    return _block(journal[key])


def _idle_w(rests: Sequence[MeteredBlock], meter: Meter) -> Mapping[str, tuple[float, ...]]:
    watts = {
        component: tuple(rest.joules[component] / rest.wall_s for rest in rests if component in rest.joules)
        for component in meter.tiers()
    }
    return {component: each for component, each in watts.items() if each}


def _spent(meter: Meter, work: Callable[[], object]) -> Spent:
    before = meter.read()
    work()
    return meter.spent(before, meter.read())


def _item(key: str, requests: int, spent: Spent, memory_gb: float) -> Item:
    joules = {f"{component}_joules": spent.joules.get(component) for component in COMPONENTS}
    amounts = {"wall_s": spent.wall_s, "cpu_s": spent.cpu_s, "memory_gb": memory_gb, "others_cpu_s": spent.others_cpu_s}
    return {"key": key, "requests": requests, **amounts, **joules}


def _block(item: Item) -> MeteredBlock:
    joules = {
        component: item[f"{component}_joules"] for component in COMPONENTS if item[f"{component}_joules"] is not None
    }
    return MeteredBlock(
        int(item["requests"]), item["wall_s"], item["cpu_s"], item["memory_gb"], joules, item["others_cpu_s"]
    )
