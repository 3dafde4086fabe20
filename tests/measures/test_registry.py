from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from commonweal.errors import CommonwealError
from commonweal.evidence.records import Estimate, Quantity
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, broken_plugin
from commonweal.measures.options import Limit
from commonweal.measures.registry import REGISTRY, load_registry, measure
from commonweal.models.protocols import LanguageModel
from commonweal.system.records import Asset, System

ANSWER = {"q": Quantity(unit="count", label="answers")}


@pytest.fixture(autouse=True)
def registry_as_it_was() -> Iterator[None]:
    load_registry()  # its modules register once in a process
    specs, broken = dict(REGISTRY.specs), dict(REGISTRY.broken)
    yield
    REGISTRY.specs, REGISTRY.broken = specs, broken


def in_module(function: Any, module: str) -> Any:
    """The same function as another module would have it."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__module__, copy.__annotations__, copy.__doc__ = module, function.__annotations__, function.__doc__
    return copy


def counted(model: LanguageModel, limit: Limit, rng: np.random.Generator) -> Iterator[Estimate]:
    """How often it answers.

    More words.
    """
    yield Estimate(quantity="q", unit="count", value=1, n=1, method="count")


def register(function: Any, version: int = 1) -> Any:
    return measure(source="tests", cluster="answer", version=version, quantities=ANSWER)(function)


def test_a_measure_is_named_by_its_folder_and_says_what_it_applies_to_and_needs() -> None:
    register(in_module(counted, "acme.quality.counted"))
    spec = REGISTRY.specs["quality.counted"]
    assert (spec.name, spec.chapter, spec.method.applies_to) == ("quality.counted", "quality", "model")
    assert (spec.method.title, spec.method.summary) == ("Counted", "How often it answers.")
    assert spec.needs == {"limit": Limit, "rng": np.random.Generator}


def test_the_type_of_the_first_argument_decides_and_another_one_is_refused() -> None:
    def words(text: str) -> Iterator[Estimate]:
        yield from ()

    def nothing() -> Iterator[Estimate]:
        yield from ()

    expected = (
        "the type of its first argument must be one of LanguageModel, Chooser, PredictionTable, DecisionApplication, "
        "Asset, System"
    )
    for function in (words, nothing):
        with pytest.raises(CommonwealError, match=f"measure quality.{function.__name__}: {expected}"):
            register(in_module(function, "acme.quality.words"))
    assert not any(name.startswith("quality.") for name in REGISTRY.specs)


def test_two_modules_cannot_register_one_name_and_the_message_names_both() -> None:
    register(in_module(counted, "acme.quality.counted"))
    with pytest.raises(
        CommonwealError, match=r"quality.counted is registered twice: acme.quality.counted, other.quality.counted"
    ):
        register(in_module(counted, "other.quality.counted"))
    assert REGISTRY.specs["quality.counted"].function.__module__ == "acme.quality.counted"


def test_a_module_that_is_loaded_again_replaces_its_own_measure() -> None:
    register(in_module(counted, "acme.quality.counted"), version=1)
    register(in_module(counted, "acme.quality.counted"), version=2)
    assert REGISTRY.specs["quality.counted"].method.version == 2


def test_a_hypothesis_needs_its_family() -> None:
    tested = {"share": Quantity(unit="1", label="share", null=0.5)}
    with pytest.raises(
        CommonwealError, match=r"measure quality\.counted: a quantity with a null is a hypothesis; say with family="
    ):
        measure(source="tests", cluster="answer", version=1, quantities=tested)(
            in_module(counted, "acme.quality.counted")
        )
    together = "the share of each group"
    measure(source="tests", cluster="answer", family=together, version=1, quantities=tested)(
        in_module(counted, "acme.quality.counted")
    )
    assert REGISTRY.specs["quality.counted"].method.family == together


def test_a_measure_in_no_folder_is_refused_with_a_place_to_put_it() -> None:
    with pytest.raises(
        CommonwealError,
        match=r"the module 'plain' lies in no package.*put it in one, such as 'acme/inequity/counted\.py'",
    ):
        register(in_module(counted, "plain"))


def test_a_measure_without_a_docstring_is_refused_for_nobody_could_tell_what_its_number_says() -> None:
    silent = in_module(counted, "acme.quality.counted")
    silent.__doc__ = None
    with pytest.raises(
        CommonwealError,
        match=r"measure quality\.counted: counted in acme\.quality\.counted has no docstring; expected one whose",
    ):
        register(silent)
    assert "quality.counted" not in REGISTRY.specs


def own_file(module: str) -> str:
    chapter, *folders, name = module.removeprefix("commonweal.measures.").split(".")
    return f"{chapter}.{name}" if folders in ([], [name]) else module


def test_every_measure_of_the_package_is_found_and_tells_its_source_and_what_it_yields() -> None:
    specs = load_registry().specs
    ours = {
        "inequity.correspondence_audit",
        "inequity.occupation_association",
        "environment.inference_energy",
        "transparency.declaration_completeness",
    }
    assert ours <= set(specs)
    of_package = [spec for spec in specs.values() if spec.function.__module__.startswith("commonweal.")]
    assert len(of_package) > len(ours)
    for spec in of_package:
        assert spec.method.source
        assert spec.method.cluster
        assert spec.method.quantities
        assert own_file(spec.function.__module__) == spec.name, "one file, one measure, of the same name"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Installed packages of strangers: one that works, and some that do not."""
    modules = {
        "good": "from commonweal.evidence.records import Estimate, Quantity\nfrom commonweal.measures.registry import "
        "measure\nfrom commonweal.system.records import Asset\n@measure(source='Acme 2026', cluster='asset', "
        "version=1, quantities={'q': Quantity(unit='count', label='answers')})\ndef good(asset: Asset):\n    'How "
        "many answers there are.'\n    yield Estimate(quantity='q', unit='count', value=1, n=1, method='count')\n",
        "raises": "raise RuntimeError('no licence key')\n",
        "leaves": "import sys\nsys.exit('goodbye')\n",
        "unwritten": "def (\n",
    }
    package = tmp_path / "acme_plugin" / "quality"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", **modules}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "acme_plugin" / "__init__.py").write_text("")
    info = tmp_path / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    points = [f"{name} = acme_plugin.quality.{name}" for name in (*modules, "absent")]
    (info / "entry_points.txt").write_text("\n".join(["[commonweal.measures]", *points, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_plugin_adds_a_measure_and_one_that_cannot_load_is_kept_with_its_reason(plugins: Path) -> None:
    assert {point.name for point in importlib.metadata.entry_points(group="commonweal.measures")} >= {"good", "raises"}
    registry = load_registry()
    assert registry.specs["quality.good"].method.source == "Acme 2026"
    assert set(registry.broken) == {"raises", "leaves", "unwritten", "absent"}
    expected = "plug-in 'raises' (acme_plugin.quality.raises) cannot be loaded: RuntimeError: no licence key"
    assert registry.broken["raises"] == expected
    assert "SystemExit: goodbye" in registry.broken["leaves"]
    assert "SyntaxError" in registry.broken["unwritten"]
    assert "ModuleNotFoundError" in registry.broken["absent"]
    for name in [name for name in sys.modules if name.startswith("acme_plugin")]:
        del sys.modules[name]


def test_a_plugin_that_cannot_load_leaves_one_failed_row_however_often_it_is_run(tmp_path: Path) -> None:
    system = System(name="s", assets=(Asset(id="a", kind="model"),))
    for _ in range(2):
        with Store(tmp_path) as store:
            (row,) = broken_plugin(
                "raises", "plug-in 'raises' cannot be loaded: RuntimeError: no", Setting(store, system, "h")
            )
            assert len(store.rows) == 1
    assert (row.status, row.measure, row.note) == (
        "failed",
        "plugin.raises",
        "plug-in 'raises' cannot be loaded: RuntimeError: no",
    )
