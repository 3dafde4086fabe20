"""The command as a person runs it: in a process of its own, with an environment of its own; or, where that is not
the point, in this one.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commonweal.cli import app

SITE = '''
"""Runs before everything else in a process under test: refuses sockets, hides packages, and keeps a log of what was tried."""
import atexit, importlib.machinery, os, sys

LOG, HIDDEN = os.environ.get("TEST_LOG"), set(os.environ.get("TEST_HIDDEN", "").split())
OFFLINE, WATCHED = os.environ.get("TEST_OFFLINE"), os.environ.get("TEST_WATCHED")
NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto", "socket.bind"}

def note(what):
    if LOG:
        handle = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, (what + "\\n").encode())
        os.close(handle)

def audit(event, arguments):
    if OFFLINE and event in NETWORK:
        note(f"{event} {arguments[1:]}")
        raise OSError(f"{event}: this test has no network")
    if WATCHED and event == "open" and WATCHED in str(arguments[0]):
        note(f"open {arguments[0]}")

sys.addaudithook(audit)
atexit.register(lambda: [note(f"import {name}") for name in ("torch", "transformers") if name in sys.modules])
found = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, path=None, target=None: None if name.partition(".")[0] in HIDDEN else found(name, path, target)
)
'''


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.rstrip("\n").split("\n")

    @property
    def said(self) -> str:
        return self.out + self.err


def environment(**more: str | Path) -> dict[str, str]:
    """The environment of a process under test: no terminal, no colour, and what the test adds."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "NOISE_", "PYTEST_"))}
    return own | {"NO_COLOR": "1", "COLUMNS": "120", **{name: str(value) for name, value in more.items()}}


def children_s() -> float:
    """Processor time of all processes under test that have ended [s]: what they did, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def python(*arguments: str | Path, cwd: Path | None = None, timeout_s: float = 300, **more: str | Path) -> Ended:
    """Run this interpreter; keywords in capitals are environment variables."""
    command = [sys.executable, *map(str, arguments)]
    ended = subprocess.run(
        command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def commonweal(*arguments: str | Path, cwd: Path | None = None, timeout_s: float = 300, **more: str | Path) -> Ended:
    """Run a command of commonweal to its end."""
    return python("-m", "commonweal", *arguments, cwd=cwd, timeout_s=timeout_s, **more)


def within(*arguments: str | Path, cwd: Path | None = None, **more: str | Path) -> Ended:
    """Run a command of commonweal in this process: the same words and exit codes, without the second that a process
    takes.
    """
    with chdir(cwd or Path.cwd()):
        result = CliRunner().invoke(
            app, list(map(str, arguments)), env={n: str(v) for n, v in more.items()}, catch_exceptions=False
        )
    return Ended(result.exit_code, result.stdout, result.stderr)


def watched(folder: Path, **more: str | Path) -> dict[str, str | Path]:
    """Environment variables that put a process under watch; `TEST_LOG` in it is the log, absent if nothing was tried.

    TEST_OFFLINE: every socket is refused. TEST_HIDDEN: these packages are not there. TEST_WATCHED: opening a path with
    this in it is logged. Whether torch and transformers were imported always is, when the process ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    return {"PYTHONPATH": folder, "TEST_LOG": folder / "tried.log", **more}


def tried(site: dict[str, str | Path]) -> list[str]:
    """What a watched process tried."""
    log = Path(site["TEST_LOG"])
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def rows_in(folder: Path) -> list[dict[str, Any]]:
    """The evidence rows of an output folder."""
    return [json.loads(line) for line in (folder / "evidence.jsonl").read_text(encoding="utf-8").splitlines()]


def dossier_in(folder: Path) -> dict[str, Any]:
    """The dossier of an output folder, as data."""
    content: dict[str, Any] = json.loads((folder / "dossier.json").read_text(encoding="utf-8"))
    return content


def statuses(rows: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """(measure, subject) -> the statuses of its rows, propagated ones left out."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row["basis"] != "propagated":
            found.setdefault((row["measure"], "+".join(row["subjects"])), set()).add(row["status"])
    return found


def in_own_mounts(script: str, *, timeout_s: float = 300, **more: str | Path) -> Ended:
    """Run a shell script that may mount a small disk: in a namespace of its own, so that nothing is left mounted."""
    unshare = shutil.which("unshare")
    namespace = [unshare or "", "--mount"] if os.geteuid() == 0 else [unshare or "", "--map-root-user", "--mount"]
    probe = "d=$(mktemp -d) && mount -t tmpfs -o size=64k none $d && umount $d; code=$?; rmdir $d; exit $code"
    if unshare is None or subprocess.run([*namespace, "sh", "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    ended = subprocess.run(
        [*namespace, "sh", "-c", script],
        env=environment(PYTHON=sys.executable, **more),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
