"""What a server said of itself, remembered beside its answers, so that answers of two models are not mixed in silence.

A server lists facts about a model (GET /models), and may fail to at any time. So there are three cases, not two:

- it lists what it did before: the answers that were kept are of the same model;
- it lists nothing this time: that is no evidence of a change. What was kept goes on to count, and a remark says so;
- it lists something else: another model is taken to answer. What was kept is not used, a remark says what changed, and
  should the server list the former facts again, the former answers count again.

The first facts that are ever listed join the answers that came before them: nothing speaks against it, and a remark
says so. Where the cache is lost or cannot be written, nothing is remembered: answers without and with a list then count
as different.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commonweal.files.foreign_text import whole
from commonweal.models.cache.checked_cache import CheckedCache, Format
from commonweal.models.cache.model_cache import cache_folder
from commonweal.models.file_hashes import fingerprint_of

LONGEST_SHOWN = 80
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """One state of a server: what it told (nothing: it never listed the model), since when, and the names it answered
    under.

    `joined`: answers from before `since` belong to it, which came when the server did not list the model.
    """

    fingerprint: str
    told: Facts
    since: str
    names: tuple[str, ...] = ()
    joined: bool = False


def arrived(
    states: Sequence[State], server: Mapping[str, str], facts: Facts, today: str
) -> tuple[tuple[State, ...], str]:
    """The states with the present one last, and what there is to say about it ("": nothing)."""
    last = states[-1] if states else None
    if last is None:
        return (State(_fingerprint(server, facts), facts, today),), ""
    if facts == last.told:
        return tuple(states), ""
    if not facts:
        return tuple(
            states
        ), f"the server did not list its model this time; it is taken to be what it listed on {last.since}"
    if not last.told:
        return (*states[:-1], replace(last, told=facts, since=today, joined=True)), ""
    said = f"since {last.since} the server lists another model under this name ({_changes(last.told, facts)})"
    former = [state for state in states if state.told == facts]
    others = [state for state in states if state.told != facts]
    if former:
        return (*others, former[0]), f"{said}: only the answers from when it listed the same as now are used"
    return (*others, State(_fingerprint(server, facts), facts, today)), f"{said}: the answers from before are not used"


def _fingerprint(server: Mapping[str, str], told: Facts) -> str:
    return fingerprint_of({**server, "told": dict(told)})


def _changes(before: Facts, now: Facts) -> str:
    """What differs, in words.

    >>> _changes({"id": "m", "root": "a"}, {"id": "m", "root": "b", "parent": "c"})
    'parent: nothing, now "c"; root: "a", now "b"'
    """
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return "; ".join(f"{name}: {_shown(before.get(name))}, now {_shown(now.get(name))}" for name in changed)


def _shown(fact: Any) -> str:
    return "nothing" if fact is None else whole(json.dumps(fact, ensure_ascii=False))[:LONGEST_SHOWN]


class StateCache(CheckedCache[tuple[State, ...]]):
    """The states of each server, in the file of its answers."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or cache_folder() / "answers.sqlite3", "servers", Format(_packed, _unpacked))


class Server:
    """A server's present state, remembered: `fingerprint` identifies its answers, `remarks` what a reader must know
    of them.
    """

    def __init__(self, identity: Mapping[str, str], told: Facts, cache: Path | None = None) -> None:
        self._key = hashlib.blake2b(fingerprint_of(identity).encode(), digest_size=32).digest()
        self._cache = cache
        with StateCache(cache) as kept:
            known = kept.known([self._key]).get(self._key, ())
            states, self._remark = arrived(known, identity, told, datetime.now(UTC).date().isoformat())
            if states != known:
                kept.keep({self._key: states})
        self._state = states[-1]
        self.fingerprint = self._state.fingerprint
        self.told = {name: _shown(fact) for name, fact in self._state.told.items()}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What changed or is not known, and the names in the answers where there are several."""
        names, since = self._state.names, self._state.since
        several = (
            f"the server answered under {len(names)} names ({', '.join(names)}), so more than one model may have "
            "answered"
        )
        joined = (
            f"answers kept from before {since} came when the server did not list its model; they are taken to be of "
            "the same one"
        )
        remarks = (self._remark, joined if self._state.joined else "", several if len(names) > 1 else "")
        return tuple(filter(None, remarks))

    def answered_as(self, names: Sequence[str]) -> None:
        """Remember the names of models in its answers; what another process remembered meanwhile stays."""
        heard = {whole(name)[:LONGEST_SHOWN] for name in names}
        if heard <= set(self._state.names):
            return
        with StateCache(self._cache) as kept:
            states = kept.known([self._key]).get(self._key, (self._state,))
            stored = next((one.names for one in states if one.fingerprint == self.fingerprint), ())
            self._state = replace(self._state, names=tuple(sorted({*self._state.names, *stored, *heard})))
            kept.keep({self._key: tuple(self._state if one.fingerprint == self.fingerprint else one for one in states)})


def _packed(states: tuple[State, ...]) -> bytes:
    return json.dumps([asdict(state) for state in states]).encode()


def _unpacked(body: bytes) -> tuple[State, ...] | None:
    return tuple(State(**{**one, "names": tuple(one["names"])}) for one in json.loads(body))
