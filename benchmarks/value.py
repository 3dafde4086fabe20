"""V(M) for 10 groups and 1,000,000 draws beside plain Python loops, numpy loops per group, and the memory-bandwidth
bound.

    python benchmarks/value.py [--draws 1000000] [--groups 10] [--rounds 3]

Two cases. `declared`: eight inputs shared by all groups and drawn once, benefits that are drawn for each group, as a
system file gives them; drawing is timed too. `dense`: all four terms are given as arrays (group, draw) that exist
already.

Each measurement is a process of its own; prints the median time, peak memory (with the interpreter and the libraries),
the peers' times, and the share of the bound. The bound: the bytes of what is given, read once, over the copy rate of
this machine in the same run; a copy reads and writes, so its rate counts both. The loops answer a part of the question:
V, its terms, V_g, their quantiles and shares, without the switching values, the weights and the alarm. Plain Python
runs on fewer draws, and its time is scaled to all of them in proportion, which leaves out the log factor of its
sorting.

Ends with one line of ratios, and fails where 2 s or 1 GB is missed in either case.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

PROMISED_S, PROMISED_GB = 2.0, 1.0
LEVELS = (0.025, 0.5, 0.975)
PLAIN_DRAWS = 20_000
KINDS = ("ours", "numpy loops", "plain Python")


def declared(n: int, count: int) -> tuple[Any, Any]:
    """Groups and terms as a system file would give them: shared inputs, amounts per group, and a drawn benefit per
    group.
    """
    from commonweal.assessment.value.sampling import drawn  # noqa: PLC0415
    from commonweal.assessment.value.value_terms import TermItem, Terms  # noqa: PLC0415
    from commonweal.system.uncertain import Uncertain  # noqa: PLC0415

    rng = np.random.default_rng(0)
    ranges = {
        "price": (120, 190, 340),
        "intensity": (300, 369, 420),
        "electricity": (0.1, 0.14, 0.2),
        "volume": (3e5, 4e5, 5e5),
        "energy": (0.2, 0.4, 0.8),
        "pue": (1.1, 1.2, 1.58),
        "embodied": (20, 50, 90),
        "worth": (0.5, 1.0, 2.0),
    }
    lognormal = ("price", "energy", "worth")
    given = {
        name: drawn(
            name,
            Uncertain(
                low=low,
                central=middle,
                high=high,
                shape="lognormal" if name in lognormal else None,
                unit="1",
                grade="assumed",
                source="benchmark",
            ),
            n,
            rng,
        )
        for name, (low, middle, high) in ranges.items()
    }
    own = Uncertain(low=-0.2, high=1.0, unit="1", grade="assumed", source="benchmark")
    benefits = tuple(drawn(f"benefit {place}", own, n, rng).draws for place in range(count))
    shares, paid = np.full(count, 1 / count), np.full(count, 1e-3 / count)
    use = (given["volume"], given["energy"], given["pue"])
    return _groups(count), Terms(
        (TermItem(benefits, (given["volume"], given["worth"])),),
        (TermItem(shares * 1e-6, (*use, given["intensity"], given["price"])),),
        (TermItem(paid, (*use, given["electricity"])),),
        (TermItem(shares * 1e3, (given["embodied"], given["price"])),),
    )


def dense(n: int, count: int) -> tuple[Any, Any]:
    """Groups and four terms, each float64 (group, draw)."""
    from commonweal.assessment.value.value_terms import TermItem, Terms  # noqa: PLC0415

    benefit, carbon, energy, other = _arrays(n, count)
    return _groups(count), Terms((TermItem(benefit),), (TermItem(carbon),), (TermItem(energy),), (TermItem(other),))


def _arrays(n: int, count: int) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.random((count, n)) for _ in range(4)]


def _groups(count: int) -> tuple[Any, ...]:
    from commonweal.assessment.value.value_terms import Group  # noqa: PLC0415

    roles = ("builder", "deployer", *["user"] * (count - 3), "residual")
    return tuple(Group(f"group {place}", role, 1e4 * (place + 1)) for place, role in enumerate(roles))


def ours(case: str, n: int, count: int) -> dict[str, float]:
    from commonweal.assessment.value import sampling as drawing  # noqa: F401, PLC0415
    from commonweal.assessment.value.value import weigh  # noqa: PLC0415

    made: Any = dense(n, count) if case == "dense" else None
    began, busy = time.perf_counter(), time.process_time()
    groups, terms = made or declared(n, count)
    there = time.perf_counter()
    found = weigh(groups, terms, "USD2020")
    done, busy = time.perf_counter(), time.process_time() - busy
    assert found.value is not None
    size = 8 * n * (4 * count if case == "dense" else 8 + count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rate = copy_rate(n)
    return {
        "seconds": done - began,
        "cpu": busy,
        "drawing": there - began,
        "median": found.value.median,
        "peak_gb": peak,
        "bound": size / rate,
        "rate": rate,
    }


def copy_rate(n: int) -> float:
    """The best of ten copies of 20 vectors of n draws, larger than the cache [bytes/s], read and written bytes
    together.
    """
    one, best = np.ones(20 * n), float("inf")
    other = np.empty_like(one)
    for _ in range(10):
        began = time.perf_counter()
        np.copyto(other, one)
        best = min(best, time.perf_counter() - began)
    return 2 * one.nbytes / best


def numpy_loops(n: int, count: int) -> dict[str, float]:
    """What one writes first: whole arrays and numpy.quantile, group by group."""
    benefit, carbon, energy, other = _arrays(n, count)
    began = time.perf_counter()
    value = benefit - carbon - energy - other
    burden = carbon + energy + other
    for place in range(count):
        np.quantile(value[place], LEVELS)
        (value[place] < 0).mean()
        np.quantile(benefit[place] / benefit.sum(axis=0), LEVELS)
        np.quantile(burden[place] / burden.sum(axis=0), LEVELS)
    for term in (benefit, carbon, energy, other):
        np.quantile(term.sum(axis=0), LEVELS)
    median = np.quantile(value.sum(axis=0), LEVELS)[1]
    return {
        "seconds": time.perf_counter() - began,
        "median": float(median),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def plain_python(n: int, count: int) -> dict[str, float]:
    """The same in lists and loops, on PLAIN_DRAWS draws, scaled."""
    few = min(n, PLAIN_DRAWS)
    benefit, carbon, energy, other = (term.tolist() for term in _arrays(few, count))

    def middle(draws: list[float]) -> list[float]:
        ordered = sorted(draws)
        return [ordered[round(level * (len(ordered) - 1))] for level in LEVELS]

    began = time.perf_counter()
    burden = [[carbon[g][i] + energy[g][i] + other[g][i] for i in range(few)] for g in range(count)]
    gained = [sum(benefit[g][i] for g in range(count)) for i in range(few)]
    lost = [sum(burden[g][i] for g in range(count)) for i in range(few)]
    for g in range(count):
        worth = [benefit[g][i] - burden[g][i] for i in range(few)]
        middle(worth)
        sum(one < 0 for one in worth)
        middle([benefit[g][i] / gained[i] for i in range(few)])
        middle([burden[g][i] / lost[i] for i in range(few)])
    for term in (benefit, carbon, energy, other):
        middle([sum(term[g][i] for g in range(count)) for i in range(few)])
    median = middle([gained[i] - lost[i] for i in range(few)])[1]
    return {
        "seconds": (time.perf_counter() - began) * n / few,
        "median": median,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def measured(kind: str, case: str, arguments: argparse.Namespace) -> dict[str, float]:
    done = subprocess.run(
        [
            sys.executable,
            __file__,
            "--worker",
            kind,
            case,
            "--draws",
            str(arguments.draws),
            "--groups",
            str(arguments.groups),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-3000:]}")
    outcome: dict[str, float] = json.loads(done.stdout)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--draws", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("KIND", "CASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    n, count = arguments.draws, arguments.groups
    if arguments.worker:
        kind, case = arguments.worker
        worker = {"numpy loops": numpy_loops, "plain Python": plain_python}
        print(json.dumps(ours(case, n, count) if kind == "ours" else worker[kind](n, count)))
        return
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(arguments.rounds):
        for kind, case in (("ours", "declared"), *((kind, "dense") for kind in KINDS)):
            runs.setdefault((kind, case), []).append(measured(kind, case, arguments))
    print(
        f"{n:,} draws x {count} groups, medians of {arguments.rounds}; load average {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} cores"
    )
    middle = {
        key: {what: statistics.median(run[what] for run in found) for what in found[0]} for key, found in runs.items()
    }
    for (kind, case), found in middle.items():
        scaled = f" (from {min(n, PLAIN_DRAWS):,} draws)" if kind == "plain Python" else ""
        print(f"  {case:10}{kind:14}{found['seconds']:9.2f} s{found['peak_gb']:7.2f} GB{scaled}")
        if kind == "ours":
            part = f", of it drawing {found['drawing']:.2f} s" if case == "declared" else ""
            print(
                f"{'':12}bound {found['bound']:.3f} s at {found['rate'] / 1e9:.1f} GB/s: "
                f"{found['bound'] / found['seconds']:.1%} of it reached; {found['cpu']:.2f} s of CPU{part}"
            )
    mine, theirs = middle["ours", "dense"], middle["numpy loops", "dense"]
    if abs(mine["median"] - theirs["median"]) > 1e-9 * abs(theirs["median"]):
        sys.exit(f"the medians differ: {mine['median']} and {theirs['median']}")
    worst_s = max(middle["ours", case]["seconds"] for case in ("declared", "dense"))
    worst_gb = max(run["peak_gb"] for (kind, _), found in runs.items() if kind == "ours" for run in found)
    ratios = ", ".join(f"{kind} {middle[kind, 'dense']['seconds'] / mine['seconds']:.1f}x" for kind in KINDS[1:])
    print(
        f"ratios: {ratios}; {worst_s:.2f} s (promised {PROMISED_S:g} s), {worst_gb:.2f} GB (promised {PROMISED_GB:g} "
        "GB)"
    )
    if worst_s > PROMISED_S or worst_gb > PROMISED_GB:
        sys.exit("promise missed")


if __name__ == "__main__":
    main()
