from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.measures.subjects import Opener
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from tests.models.tiny_model import write_tiny_model

SYSTEM = """\
schema: commonweal/1
name: One model in two number formats
assets:
  - {id: exact, kind: model, locator: model}
  - {id: rounded, kind: model, locator: model, dtype: int8}
  - id: screener
    kind: application
    prompt: {template: "{text} is", options: {yes: " good", no: " bad"}, favourable: yes}
dependencies:
  - {upstream: rounded, downstream: screener, relation: serves}
"""


def test_a_model_is_opened_in_the_number_format_that_its_asset_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))
    write_tiny_model(tmp_path / "model")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    system = load(tmp_path / "system.yaml")
    opener = Opener(system, Permissions(), "cpu")
    exact, rounded = opener.model(system.asset("exact")), opener.model(system.asset("rounded"))
    assert exact.fingerprint != rounded.fingerprint
    screener = opener.application(system.asset("screener"))
    assert opener.model(system.asset("rounded")) is rounded
    assert "weights rounded to int8" in screener.remarks[0]  # type: ignore[attr-defined]
    assert opener.model(system.asset("exact")).fingerprint == exact.fingerprint
