"""Open a declared application: a prompt on its model, a Python function, or an HTTP address."""

from __future__ import annotations

from pathlib import Path

from commonweal.errors import LocatorError, PermissionRequired
from commonweal.models.applications.callable_application import CallableApplication
from commonweal.models.applications.prompt_application import PromptApplication, slot_of
from commonweal.models.engine.precision import FLOAT32
from commonweal.models.opening import NOTHING_ALLOWED, open_model
from commonweal.models.protocols import DecisionApplication, LanguageModel
from commonweal.system.decisions import Outcome
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System

MODELS = ("model", "adapted_model")


def open_application(
    asset: Asset,
    system: System,
    *,
    permissions: Permissions = NOTHING_ALLOWED,
    device: str = "auto",
    model: LanguageModel | None = None,
) -> DecisionApplication:
    """Open the application `asset` of `system`.

    `model`: the model that serves it, where the caller has it open already; else it is opened here.
    """
    if asset.prompt is not None:
        try:
            slot_of(asset.prompt.template)
        except LocatorError as error:
            raise LocatorError(f"asset '{asset.id}': {error}") from error
        served_by = serving_model(asset, system)
        if model is None:
            model = open_model(
                locator_of(served_by),
                folder=system.folder,
                permissions=permissions,
                device=device,
                dtype=served_by.dtype or FLOAT32,
            )
        return PromptApplication(asset.id, asset.prompt, model)
    locator, outcome = endpoint_of(asset)
    require_permission(asset, permissions)
    if locator.startswith("python:"):
        return CallableApplication(asset.id, locator, outcome, folder=Path(system.folder))
    from commonweal.models.applications.http_application import HTTPApplication  # noqa: PLC0415 - brings in httpx, which few systems need

    return HTTPApplication(asset.id, locator, outcome)


def serving_model(asset: Asset, system: System) -> Asset:
    """The one model that answers for an application: upstream by `serves`, else of the application it is adapted
    from.
    """
    seen = {asset.id}
    current = asset
    while True:
        served_by = _upstream(current, system, "serves", MODELS) or _upstream(current, system, "adapted_from", MODELS)
        if len(served_by) == 1:
            return served_by[0]
        if served_by:
            names = ", ".join(f"'{model.id}'" for model in served_by)
            raise LocatorError(
                f"asset '{asset.id}': several models serve it ({names}); declare one asset for each, with its own "
                "prompt"
            )
        bases = [base for base in _upstream(current, system, "adapted_from", ("application",)) if base.id not in seen]
        if len(bases) != 1:
            raise LocatorError(
                f"asset '{asset.id}': no model serves it. "
                f"Declare one under dependencies: {{upstream: MODEL, downstream: {current.id}, relation: serves}}"
            )
        current = bases[0]
        seen.add(current.id)


def _upstream(asset: Asset, system: System, relation: str, kinds: tuple[str, ...]) -> list[Asset]:
    ids = dict.fromkeys(
        dependency.upstream
        for dependency in system.dependencies
        if dependency.downstream == asset.id and dependency.relation == relation
    )
    return [
        system.asset(upstream)
        for upstream in ids
        if system.has_asset(upstream) and system.asset(upstream).kind in kinds
    ]


def locator_of(model: Asset) -> str:
    """Where a model is; LocatorError where that is not declared. An adapted model is never replaced by its base."""
    if not model.locator:
        raise LocatorError(
            f"asset '{model.id}': it has no `locator`; declare where it is, such as locator: \"embedded:smollm2\""
        )
    return model.locator


def endpoint_of(asset: Asset) -> tuple[str, Outcome]:
    """Locator and outcome of an application without prompt; LocatorError where one is missing."""
    if asset.kind != "application":
        raise LocatorError(f"asset '{asset.id}': it is a {asset.kind}, and only an application decides")
    if not asset.locator:
        raise LocatorError(
            f"asset '{asset.id}': declare either a `prompt` or a `locator` (http://… or python:module:function)"
        )
    if asset.locator.partition(":")[0] not in ("http", "https", "python"):
        raise LocatorError(
            f"asset '{asset.id}': its locator '{asset.locator}' is not an application; expected http(s)://… or python:…"
        )
    if asset.outcome is None:
        raise LocatorError(f"asset '{asset.id}': declare which answer is favourable: outcome: {{favourable: …}}")
    return asset.locator, asset.outcome


def require_permission(asset: Asset, permissions: Permissions) -> None:
    """Raise PermissionRequired where the application runs code or calls an address that nobody allowed."""
    code = (asset.locator or "").startswith("python:")
    if code and not permissions.code:
        raise PermissionRequired(
            f"asset '{asset.id}': {asset.locator} runs Python code. If you trust it, allow it with: --allow-code",
            "--allow-code",
        )
    if not code and not permissions.network:
        raise PermissionRequired(
            f"asset '{asset.id}': it calls an address on the network. If you agree, allow it with: --allow-network",
            "--allow-network",
        )
