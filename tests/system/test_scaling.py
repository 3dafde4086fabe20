"""What reads a system file takes time in proportion to its size: of four times as much, less than eight times as long.

Ratios of processor time, so that what else the machine does changes them little; each time is the least of three.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from commonweal.assessment.value.allocation import Carried
from commonweal.assessment.value.ledger import Draws, ledger
from commonweal.errors import SystemFileError
from commonweal.measures.probes.reader import load_probes
from commonweal.system.loading import system_from_text
from commonweal.system.questions import questions
from commonweal.system.yaml_tree import MOST_VALUES
from tests.assessment.valued import exact
from tests.system.mutations import PROBES

HEAD = "schema: commonweal/1\nname: a\n"
APPLICATION = "assets:\n  - {id: m, kind: application}\n"
LEAST, MOST_RATIO = 50, 8.0
MADE = f", making: [{{stage: pretraining, energy: {exact(1, 'kWh')}, grid: FRA}}]"


def chain(count: int, made: str = MADE) -> str:
    assets = "".join(f"  - {{id: m{place}, kind: model{made}}}\n" for place in range(count))
    edges = "".join(
        f"  - {{upstream: m{place}, downstream: m{place + 1}, relation: adapted_from, allocated: 1}}\n"
        for place in range(count - 1)
    )
    last = f"  - {{upstream: m{count - 1}, downstream: app, relation: serves, allocated: 1}}\n"
    return (
        f"{HEAD}assets:\n{assets}  - {{id: app, kind: application}}\ndependencies:\n{edges}{last}deployments:\n  - "
        "{application: app}\n"
    )


def diamonds(count: int) -> str:
    """Two ways from each asset to the next, so 2^count ways in all."""
    assets = "".join(f"  - {{id: {letter}{place}, kind: model{MADE}}}\n" for place in range(count) for letter in "abc")
    edges = ""
    for place in range(count):
        onward = f"a{place + 1}" if place < count - 1 else "app"
        for start, end in (
            (f"a{place}", f"b{place}"),
            (f"a{place}", f"c{place}"),
            (f"b{place}", onward),
            (f"c{place}", onward),
        ):
            edges += f"  - {{upstream: {start}, downstream: {end}, relation: serves, allocated: 0.5}}\n"
    return (
        f"{HEAD}assets:\n{assets}  - {{id: app, kind: application}}\ndependencies:\n{edges}deployments:\n  - "
        "{application: app}\n"
    )


def many(section: str, entry: str) -> Callable[[int], str]:
    """A file with many entries of a section; `%d` in the entry is its place."""
    return lambda count: (
        f"{HEAD}{APPLICATION}{section}:\n"
        + "".join("  - " + entry.replace("%d", str(place)) + "\n" for place in range(count))
    )


FILES: dict[str, Callable[[int], str]] = {
    "deployments without ids": many("deployments", "{application: m}"),
    "actors": many("actors", "{id: a%d, name: a, roles: [user]}"),
    "populations": many("populations", "{id: p%d, definition: p, groups: {G-%d: unknown, g_%d: unknown}}"),
    "references to nothing": many("deployments", "{application: x%d}"),
    "an id that is used twice": many("actors", "{id: a, name: a, roles: [user]}"),
    "short words": lambda count: f"{HEAD}assets: [{', '.join(['ab'] * count)}]\n",
    "unknown fields": lambda count: (
        f"{HEAD}assets: [{{id: m, {', '.join(f'field{place}: 1' for place in range(count))}}}]\n"
    ),
    "facts": lambda count: (
        f"{HEAD}assets: [{{id: m, kind: model, declared: {{{', '.join(f'f{place}: 1' for place in range(count))}}}}}]"
    ),
    "stages": lambda count: (
        f"{HEAD}assets: [{{id: m, kind: model, making: [{', '.join(['{stage: adaptation, energy: none}'] * count)}]}}]"
    ),
    "commas in a number": lambda count: (
        f"{HEAD}{APPLICATION}populations: [{{id: p, definition: p, size: 1{',000' * count}}}]\n"
    ),
    "aliases": lambda count: f"{HEAD}x: &a [1]\nassets: [{', '.join(['*a'] * count)}]\n",
    "one long text": lambda count: (
        f"{HEAD}{APPLICATION}actors: [{{id: a, roles: [user], name: '{'x' * 50 * count}'}}]\n"
    ),
    "a chain": chain,
    "diamonds": diamonds,
}


def read(text: str) -> None:
    """Everything that is linear in a file: loading, its questions, and who carries what."""
    try:
        system = system_from_text(text)
    except SystemFileError:
        return
    questions(system)
    carried = Carried(system)
    for asset in system.assets:
        carried.split(asset)
    for deployment in system.deployments:
        carried.undeclared(deployment)
    ledger(system, {}, Draws(2, np.random.default_rng(0)))


def seconds(text: str, take: Callable[[str], None] = read) -> float:
    took = []
    gc.disable()  # it goes through all that there is, whatever was read
    try:
        for _ in range(3):
            start = time.process_time()
            take(text)
            took.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(took)


@pytest.mark.parametrize("name", FILES)
def test_four_times_as_much_takes_no_more_than_eight_times_as_long(name: str) -> None:
    make, count = FILES[name], LEAST
    while (short := seconds(make(count))) < 0.02:  # below it a clock tells little
        count *= 2
    assert seconds(make(4 * count)) < MOST_RATIO * short


def test_a_chain_may_be_long_and_a_share_arrives_by_every_way() -> None:
    """Ways are not followed one by one, nor by recursion."""
    system = system_from_text(diamonds(400))
    (part,) = Carried(system).split(system.asset("a0")).parts
    assert part.share == pytest.approx(0.5**400, rel=1e-9)
    longest = system_from_text(chain(3000, ""))
    (part,) = Carried(longest).split(longest.asset("m0")).parts
    assert (part.share, part.method.endswith("and more")) == (1.0, True)


def test_more_values_than_any_system_has_are_refused_with_the_line() -> None:
    with pytest.raises(SystemFileError, match=r"system\.yaml:3 more than 500,000 names and values; expected fewer"):
        system_from_text(f"{HEAD}assets: [{', '.join(['ab'] * MOST_VALUES)}]\n")


def test_probes_are_read_in_proportion_to_their_number(tmp_path: Path) -> None:
    def load(text: str) -> None:
        (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
        load_probes("p.yaml", tmp_path)

    def more(count: int) -> str:
        entry = "  - {id: n%d, occupation: clerk, quality: weak, body: Years., statement: '{They} did.'}\n"
        chosen = f"    probes: [{', '.join(f'n{place}' for place in range(count))}]\n"
        cues = PROBES.replace("    reference: older\n", "    reference: older\n" + chosen)
        return cues.replace("cues:\n", "".join(entry % place for place in range(count)) + "cues:\n")

    assert seconds(more(2000), load) < MOST_RATIO * seconds(more(500), load)
