"""The whole flow: declare, measure, weigh, tell.

Each stage reads the system and the evidence, and only appends evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from rich.console import Console

from commonweal.assessment.assess import assess
from commonweal.assessment.findings import Tell, findings, unheard
from commonweal.errors import OptionError
from commonweal.evidence.store import Store, digest
from commonweal.measures.gather import Progress, Setting, silent
from commonweal.measures.options import Design, Limit, Options
from commonweal.measures.plan import Prepared, gathered, prepare
from commonweal.models.exchange.address import fit_to_keep
from commonweal.progress import Stages
from commonweal.report.content import Dossier
from commonweal.report.dossier import FILES, save_dossier
from commonweal.report.run_record import Clock, run_record
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from commonweal.system.records import System
from commonweal.system.wording import did_you_mean


class Choices(TypedDict, total=False):
    """What may be chosen for a run by keyword: the fields of `Options`, and what is allowed."""

    measures: str | Sequence[str]
    limit: int | None
    design: Design | str
    seed: int
    device: str
    data: str | Path | None
    allow_code: bool
    allow_network: bool
    allow_download: bool
    allow_read: Sequence[Path | str]


def run(
    system: System | Path | str,
    *,
    out: Path | str,
    options: Options | None = None,
    quiet: bool = False,
    **choices: Unpack[Choices],
) -> Dossier:
    """Measure a system, or the file that declares it, and write its dossier into a folder.

    What was measured there before is not measured again. It shows its progress, unless it is `quiet`. Choices are those
    of the command line: measures, limit, design, seed, device, data, and allow_code, allow_network, allow_download,
    allow_read; or all of them at once as `options`.

    Raises
    ------
    OptionError
        If a keyword is none of these, both `options` and choices are given, or a choice does not fit the system.
    SystemFileError
        If the file declares no system.
    """
    declared = system if isinstance(system, System) else load(system)
    ready = prepare(declared, options_of(options, choices))
    if quiet:
        return run_prepared(ready, out=out)
    with Stages(Console(stderr=True)) as stages:
        return run_prepared(ready, out=out, progress=stages.tick)


def options_of(options: Options | None, choices: Mapping[str, Any]) -> Options:
    """The options that keywords stand for; OptionError where one is unknown, with the one that was probably meant.

    >>> options_of(None, {"measures": "inequity.bbq", "limit": 20}).measures
    ('inequity.bbq',)
    >>> options_of(None, {"measure": "inequity.bbq"})
    Traceback (most recent call last):
    commonweal.errors.OptionError: run() has no option 'measure'; there are: measures, limit, design, seed, device, \
data, allow_code, allow_network, allow_download, allow_read; did you mean 'measures'?
    """
    names = list(Choices.__annotations__)
    for name in choices:
        if name not in names:
            raise OptionError(f"run() has no option '{name}'; there are: {', '.join(names)}{did_you_mean(name, names)}")
    if options is not None:
        if choices:
            raise OptionError(f"run() got `options` and also {', '.join(choices)}; give one or the other")
        return options
    given = dict(choices)
    measures = given.pop("measures", ())
    permissions = Permissions(
        code=given.pop("allow_code", False),
        network=given.pop("allow_network", False),
        download=given.pop("allow_download", False),
        read=tuple(map(Path, given.pop("allow_read", ()))),
    )
    if given.get("data") is not None:
        given["data"] = str(given["data"])
    if "design" in given:
        given["design"] = _design(given["design"])
    named = (measures,) if isinstance(measures, str) else tuple(measures)
    return Options(measures=named, permissions=permissions, **given)


def _design(name: str) -> Design:
    try:
        return Design(name)
    except ValueError:
        known = [one.value for one in Design]
        raise OptionError(f"run() has no design '{name}'; expected one of: {', '.join(known)}") from None


def run_prepared(ready: Prepared, *, out: Path | str, progress: Progress = silent, tell: Tell = unheard) -> Dossier:
    """Measure what was prepared and write its dossier into a folder."""
    if ready.preflight.problems:
        raise OptionError("\n".join(ready.preflight.problems))
    clock, chosen, allowed = Clock(), ready.options, ready.options.permissions.names()
    system_hash = digest(ready.system.model_dump(mode="json"))
    methods = {name: spec.method for name, spec in ready.registry.specs.items()}
    with Store(folder := Path(out)) as store:
        limit = Limit(chosen.limit)
        setting = Setting(store, ready.system, system_hash, chosen.seed, limit, chosen.design, allowed, progress)
        rows = gathered(ready, setting, lambda own: tell(findings(ready.system, own, methods, ())))
        weighed = assess(ready.system, rows, methods, system_hash, chosen.seed)
        rows += (worked_out := store.append(weighed.rows))
        if worked_out:
            store.seal(digest([row.id for row in worked_out]), worked_out)
        more = {"system_file": ready.system.file, "unfit": tuple(store.told), "scoring": ready.opener.scoring()}
        record = run_record(ready.system, rows, clock, chosen.told(), allowed).model_copy(update=more)
        used = (*(methods[name] for name in sorted({row.measure for row in rows} & set(methods))), *weighed.methods)
        dossier = Dossier(
            system=fit_to_keep(ready.system),
            run=record,
            findings=weighed.findings,
            evidence=tuple(rows),
            methods=used,
            both_ends=weighed.both_ends,
        )
        path = save_dossier(folder, dossier).resolve()
        store.seal_files(FILES)
        return dossier.model_copy(update={"path": path})
