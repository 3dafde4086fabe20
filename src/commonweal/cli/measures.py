"""The verb `measures`: what can be measured."""

from __future__ import annotations

import typer

from commonweal.cli.surface import err, out
from commonweal.measures.registry import load_registry

verbs = typer.Typer()


@verbs.command("measures")
def list_measures() -> None:
    """List the measures, what each applies to, and its first line."""
    registry = load_registry()
    for name, spec in sorted(registry.specs.items()):
        named = "; only when named" if spec.on_request else ""
        out.print(f"{name} ({spec.method.applies_to}{named}): {spec.method.summary}")
    for reason in registry.broken.values():
        err.print(f"cannot be loaded: {reason}", style="red")
