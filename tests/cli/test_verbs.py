"""The list of verbs, and what is imported for one of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from commonweal.cli.verbs import VERBS, command_of
from commonweal.system.starter import STARTER
from tests.flow.commands import python

HEAVY = {"httpx", "jinja2", "numpy", "polars", "pyarrow", "rustworkx", "scipy", "torch", "transformers", "vl_convert"}
RECORDS = {"pydantic", "ruamel"}
LOADED = """
import sys
from pathlib import Path
from commonweal.__main__ import main
try:
    main()
finally:
    print("loaded:", *sys.modules)
"""


def loaded(*arguments: str) -> set[str]:
    """The modules, and the packages that they are in, that a command has imported at its end."""
    ended = python("-c", LOADED, *arguments)
    assert "Traceback" not in ended.err
    modules = ended.lines[-1].removeprefix("loaded:").split()
    return {*modules, *(name.partition(".")[0] for name in modules)}


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_of_each_what_its_own_help_says(verb: str) -> None:
    command = command_of(verb)
    assert command.name == verb
    assert VERBS[verb].summary == command.help.split("\n\n")[0].replace("\n", " ")


def test_the_list_has_every_verb_that_is_defined() -> None:
    modules = {verb.module: command_of(name) for name, verb in VERBS.items()}
    defined: set[str] = set()
    for module in modules:
        registered = sys.modules[f"commonweal.cli.{module}"].verbs
        defined |= {one.name or one.callback.__name__ for one in registered.registered_commands}
        defined |= {one.name for one in registered.registered_groups}
    assert defined == set(VERBS)


def test_what_is_told_without_measuring_imports_no_heavy_library() -> None:
    for asked in ("--version", "--help"):
        assert not loaded(asked) & (HEAVY | RECORDS)
    assert not loaded("claims", "check", "--shipped") & HEAVY


def test_a_system_is_checked_and_measures_are_listed_without_what_calls_an_address_or_draws(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    read = loaded("check", str(tmp_path / "system.yaml")) | loaded("measures")
    assert "pydantic" in read, "what is imported is seen"
    assert not read & ((HEAVY - {"numpy", "rustworkx", "scipy"}) | {"scipy.sparse", "scipy.stats"})
