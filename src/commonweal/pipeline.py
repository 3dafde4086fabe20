"""The whole flow: declare, measure, weigh, tell.

Each stage reads the system and the evidence, and only appends evidence.
"""

from __future__ import annotations

from pathlib import Path

from commonweal.assessment.assess import assess
from commonweal.assessment.findings import Tell, findings, unheard
from commonweal.errors import OptionError
from commonweal.evidence.store import Store, digest
from commonweal.measures.gather import Progress, Setting, silent
from commonweal.measures.options import Limit, Options
from commonweal.measures.plan import Prepared, gathered, prepare
from commonweal.models.exchange.address import fit_to_keep
from commonweal.report.content import Dossier
from commonweal.report.dossier import FILES, save_dossier
from commonweal.report.run_record import Clock, run_record
from commonweal.system.records import System


def run(
    system: System | Prepared,
    *,
    out: Path | str,
    options: Options | None = None,
    progress: Progress = silent,
    tell: Tell = unheard,
) -> Dossier:
    """Measure a system and write its dossier into a folder; what was measured there before is not measured again."""
    ready = system if isinstance(system, Prepared) else prepare(system, options)
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
