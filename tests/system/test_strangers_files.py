"""Whatever a stranger's file holds, it is either a system or a list of faults: never a crash."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.errors import SystemFileError
from commonweal.system.loading import system_from_text
from commonweal.system.records import System
from commonweal.system.starter import STARTER

SCALARS = st.sampled_from(
    ["1", "x", "''", "~", "true", "[]", "{}", "unknown", "none", "-1", "1e999", "'a: b'", "é", "<<", "2024-01-01"]
)
FIELDS = [
    "schema",
    "name",
    "actors",
    "assets",
    "populations",
    "dependencies",
    "deployments",
    "id",
    "kind",
    "reach",
    "prompt",
    "declared",
    "groups",
]


def flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(map(flow, value)) + "]" if isinstance(value, list) else str(value)


TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=20,
)


def outcome(text: str) -> System | tuple[str, ...]:
    try:
        return system_from_text(text)
    except SystemFileError as error:
        return error.faults


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    result = outcome(text)
    assert isinstance(result, tuple)
    assert all(fault.startswith("system.yaml:") for fault in result)


@given(st.dictionaries(st.sampled_from(FIELDS[:7]), TREES, min_size=1))
@settings(max_examples=300, deadline=None)
def test_any_tree_of_known_fields(tree: dict[str, object]) -> None:
    result = outcome(flow(tree))
    assert isinstance(result, System) or (result and all(fault.startswith("system.yaml:") for fault in result))


def test_the_starter_with_lines_deleted_swapped_or_cut() -> None:
    lines = STARTER.splitlines()
    rng = random.Random(0)
    refused = 0
    for _ in range(150):
        broken = list(lines)
        for _change in range(rng.randint(1, 4)):
            at, other = rng.randrange(len(broken)), rng.randrange(len(broken))
            match rng.randrange(3):
                case 0:
                    del broken[at]
                case 1:
                    broken[at], broken[other] = broken[other], broken[at]
                case _:
                    broken[at] = broken[at][: rng.randint(0, len(broken[at]))]
        result = outcome("\n".join(broken))
        if isinstance(result, tuple):
            refused += 1
            assert result
            assert all(fault.startswith("system.yaml:") for fault in result)
    assert refused > 50
