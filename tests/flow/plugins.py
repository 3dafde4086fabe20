"""Small installed packages of strangers, each with one file that adds a measure."""

from __future__ import annotations

from pathlib import Path


def install_plugin(site: Path, name: str, body: str) -> None:
    """A package `acme_NAME` in the folder `site`, as pip would leave it: `quality/NAME.py` and its entry point."""
    folder = site / f"acme_{name}" / "quality"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").write_text("")
    (folder / f"{name}.py").write_text(body, encoding="utf-8")
    info = site / f"acme_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[commonweal.measures]\n{name} = acme_{name}.quality.{name}\n")
