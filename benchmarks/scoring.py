"""Scoring beside lm-evaluation-harness: the same model, items, number format and threads, in turn, in one run.

    python benchmarks/scoring.py [--rounds 3] [--templates 1] [--pairs 250] [--model embedded:smollm2]

Prints, per set of requests, the median time of both for scoring (from the texts to the log-probabilities) and for the
whole process, their ratio, peak memory, and the share of the arithmetic bound that commonweal reaches at the matrix
rate measured in the same run; then where the time goes. Ends with one line: the processor, ratios and shares. Fails
where a promise is missed.

BBQ is asked by whole templates (question index), because the full set repeats its prefixes as they do; requests are
shuffled. `bbq 12`: both named answers and the ten published wordings of "unknown"; `bbq 3`: the item's own answers;
`crows-pairs`: both sentences of a pair, without a context.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PROMISED = {"bbq 12": 16.0, "bbq 3": 6.0}  # times as fast as the peer
# Without shared prefixes the ratio depends on which library the processor prefers, so the share of its own bound is
# promised.
PROMISED_SHARE = {"crows-pairs": 0.75}
GOOD_SHARE = 0.8  # below it, where the time goes is told
BATCH_SIZES = (1, 4, 8, 16, 32, 64)
TRIED = 96  # requests on which the peer's batch sizes are tried
TOLERANCE_NAT = 1e-3
UNKNOWN = (
    "Unknown",
    "Can't be determined",
    "Cannot be determined",
    "Cannot answer",
    "Can't answer",
    "Not known",
    "Not answerable",
    "Undetermined",
    "Not enough info",
    "Not enough information",
)


def requests_of(name: str, templates: int, pairs: int) -> list[dict[str, str]]:
    """The requests of a set, shuffled."""
    requests = crows_pairs(pairs) if name == "crows-pairs" else bbq(templates, twelve=name == "bbq 12")
    random.Random(0).shuffle(requests)
    return requests


def bbq(templates: int, *, twelve: bool) -> list[dict[str, str]]:
    requests = []
    for path in sorted((DATA / "bbq").glob("*.jsonl")):
        items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        chosen = sorted({int(item["question_index"]) for item in items})[:templates]
        for item in items:
            if int(item["question_index"]) in chosen:
                texts = [item[f"ans{place}"] for place in range(3)]
                named = [
                    text for place, text in enumerate(texts) if item["answer_info"][f"ans{place}"][-1] != "unknown"
                ]
                context = f"{item['context']}\n{item['question']}\nAnswer:"
                answers = [*named, *UNKNOWN] if twelve else texts
                requests += [{"context": context, "continuation": f" {answer}"} for answer in answers]
    return requests


def crows_pairs(pairs: int) -> list[dict[str, str]]:
    import polars  # noqa: PLC0415

    table = polars.read_csv(DATA / "crows-pairs" / "crows_pairs_anonymized.csv")
    chosen = random.Random(1).sample(range(table.height), min(pairs, table.height))
    return [
        {"context": "", "continuation": table[column][row]} for row in chosen for column in ("sent_more", "sent_less")
    ]


def commonweal_worker(job: dict[str, Any]) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    from commonweal.models.engine.bound import matrix_rate  # noqa: PLC0415
    from commonweal.models.opening import open_model  # noqa: PLC0415
    from commonweal.models.protocols import Continuation  # noqa: PLC0415

    requests = [Continuation(**request) for request in job["requests"]]
    began = time.perf_counter()
    model = open_model(job["model"], folder=None, device="cpu")
    opened = time.perf_counter()
    model.score(requests[:8])
    aside = time.perf_counter()
    rate, before = matrix_rate(), model.work.flop
    start = time.perf_counter()
    scores = model.score(requests)
    seconds = time.perf_counter() - start
    rate, flop = max(rate, matrix_rate()), model.work.flop - before
    aside = time.perf_counter() - aside - seconds
    if job.get("profile"):
        from torch.profiler import ProfilerActivity, profile  # noqa: PLC0415

        with profile(activities=[ProfilerActivity.CPU]) as watched:
            model.score(requests)
        return {"profile": shares_of({event.key: event.self_cpu_time_total for event in watched.key_averages()})}
    return {
        "open": opened - began,
        "seconds": seconds,
        "rate": rate,
        "flop": flop,
        "aside": aside,
        "logprobs": [score.logprob for score in scores],
        "threads": torch.get_num_threads(),
    }


def shares_of(times: dict[str, float]) -> dict[str, float]:
    """Self time by kind of work, as shares of the whole."""
    kinds = {"matrix products": ("aten::mm", "aten::addmm", "linear"), "attention": ("attention", "aten::bmm"),
             "gathering and copying": ("index", "cat", "copy", "gather", "to_copy"),
             "normalization, activation, rotation":
                 ("mul", "add", "silu", "gelu", "tanh", "pow", "mean", "rsqrt", "neg", "sum"),
             "softmax over the vocabulary": ("exp", "max", "log", "sub")}  # fmt: skip
    whole = sum(times.values())
    shares = dict.fromkeys([*kinds, "other"], 0.0)
    for name, spent in times.items():
        kind = next((kind for kind, signs in kinds.items() if any(sign in name for sign in signs)), "other")
        shares[kind] += spent / whole
    return shares


def harness_worker(job: dict[str, Any]) -> dict[str, Any]:
    import torch  # noqa: PLC0415
    from lm_eval.api.instance import Instance  # noqa: PLC0415
    from lm_eval.models.huggingface import HFLM  # noqa: PLC0415

    def instances(requests: list[dict[str, str]]) -> list[Instance]:
        return [
            Instance("loglikelihood", {}, (request["context"], request["continuation"]), index)
            for index, request in enumerate(requests)
        ]

    began = time.perf_counter()
    model = HFLM(pretrained=job["directory"], device="cpu", dtype="float32", batch_size=job["batch_size"])
    opened = time.perf_counter()
    model.loglikelihood(instances(job["requests"][:8]), disable_tqdm=True)
    if job.get("choose"):
        tried = {}
        for size in BATCH_SIZES:
            model.batch_size_per_gpu = size
            start = time.perf_counter()
            model.loglikelihood(instances(job["requests"][:TRIED]), disable_tqdm=True)
            tried[size] = time.perf_counter() - start
        return {"batch_size": min(tried, key=tried.__getitem__), "tried": tried}
    start = time.perf_counter()
    scores = model.loglikelihood(instances(job["requests"]), disable_tqdm=True)
    seconds = time.perf_counter() - start
    return {
        "open": opened - began,
        "seconds": seconds,
        "logprobs": [score for score, _ in scores],
        "threads": torch.get_num_threads(),
    }


def work(kind: str, job: Path, result: Path) -> None:
    """One measurement in a process of its own."""
    worker = {"commonweal": commonweal_worker, "lm-evaluation-harness": harness_worker}[kind]
    outcome = worker(json.loads(job.read_text(encoding="utf-8")))
    outcome["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    result.write_text(json.dumps(outcome), encoding="utf-8")


def measured(kind: str, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run a worker; its outcome and the time of its whole process, less what only this benchmark asks of it."""
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--worker", kind, folder / "job.json", folder / "result.json"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    whole = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-3000:]}")
    outcome: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return outcome | {"whole": whole - outcome.get("aside", 0.0)}


def compare(name: str, arguments: argparse.Namespace, directory: str, folder: Path) -> tuple[float, float]:
    """Measure one set in turn; print its lines; return the ratio of scoring times and the share of the bound."""
    job = {
        "model": arguments.model,
        "directory": directory,
        "batch_size": 1,
        "requests": requests_of(name, arguments.templates, arguments.pairs),
    }
    chosen = measured("lm-evaluation-harness", job | {"choose": True}, folder)
    job["batch_size"] = chosen["batch_size"]
    ours, theirs = [], []
    for turn in range(arguments.rounds):
        ours.append(measured("commonweal", job, folder))
        theirs.append(measured("lm-evaluation-harness", job, folder))
        print(
            f"  {name}, round {turn + 1}: {ours[-1]['seconds']:.2f} s against {theirs[-1]['seconds']:.2f} s", flush=True
        )
    apart = max(abs(one - other) for one, other in zip(ours[0]["logprobs"], theirs[0]["logprobs"], strict=True))
    median = {
        (side, what): statistics.median(run[what] for run in runs)
        for side, runs in (("ours", ours), ("theirs", theirs))
        for what in ("seconds", "whole", "open", "peak_gb")
    }
    ratio, whole = (median["theirs", what] / median["ours", what] for what in ("seconds", "whole"))
    bound = statistics.median(run["flop"] / run["rate"] for run in ours)
    share = statistics.median(run["flop"] / run["rate"] / run["seconds"] for run in ours)
    print(f"{name}: {len(job['requests'])} requests, {ours[0]['threads']} threads, largest difference {apart:.1e} nat")
    print(f"  {'':24}{'scoring':>10}{'process':>10}{'opening':>10}{'peak':>10}")
    for side, title in (("ours", "commonweal"), ("theirs", f"lm-eval, batch {job['batch_size']}")):
        print(
            f"  {title:24}{median[side, 'seconds']:8.2f} s{median[side, 'whole']:8.2f} s{median[side, 'open']:8.2f} s"
            f"{median[side, 'peak_gb']:7.2f} GB"
        )
    print(f"  {'ratio':24}{ratio:9.1f}x{whole:9.1f}x")
    rate = statistics.median(run["rate"] for run in ours) / 1e9
    print(f"  bound {bound:.2f} s at {rate:.0f} GFLOP/s: {share:.0%} of it reached", flush=True)
    if apart > TOLERANCE_NAT:
        sys.exit(f"{name}: the scores differ by {apart} nat, more than {TOLERANCE_NAT}")
    if share < GOOD_SHARE:
        profile = measured("commonweal", job | {"profile": True}, folder)["profile"]
        print("  where the time goes: " + ", ".join(f"{kind} {part:.0%}" for kind, part in profile.items()), flush=True)
    return ratio, share


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--templates", type=int, default=1, help="whole BBQ templates per category")
    parser.add_argument("--pairs", type=int, default=250, help="pairs of CrowS-Pairs")
    parser.add_argument("--model", default="embedded:smollm2")
    sets = [*PROMISED, *PROMISED_SHARE]
    parser.add_argument("--sets", nargs="*", default=sets, choices=sets)
    parser.add_argument("--worker", nargs=3, metavar=("KIND", "JOB", "RESULT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker[0], Path(arguments.worker[1]), Path(arguments.worker[2]))
        return
    if not (DATA / "bbq").is_dir():
        sys.exit(f"the data sets are not at {DATA}; put BBQ and CrowS-Pairs there")
    from commonweal.models.opening import open_model  # noqa: PLC0415

    directory = str(open_model(arguments.model, folder=None, device="cpu").directory)
    with tempfile.TemporaryDirectory() as folder:
        reached = {name: compare(name, arguments, directory, Path(folder)) for name in arguments.sets}
    print(f"on {processor()}: " + ", ".join(f"{name} {told(name, *found)}" for name, found in reached.items()))
    missed = [
        name
        for name, (ratio, share) in reached.items()
        if ratio < PROMISED.get(name, 0) or share < PROMISED_SHARE.get(name, 0)
    ]
    if missed:
        sys.exit(f"promise missed: {', '.join(missed)}")


def told(name: str, ratio: float, share: float) -> str:
    """What a set reached, and what was promised for it."""
    if name in PROMISED:
        return f"{ratio:.1f}x (promised {PROMISED[name]}x), {share:.0%} of the bound"
    return f"{ratio:.1f}x, {share:.0%} of the bound (promised {PROMISED_SHARE[name]:.0%})"


def processor() -> str:
    """The processor, and which of torch's libraries multiplies faster on it."""
    from commonweal.models.engine.onednn import onednn_is_faster  # noqa: PLC0415

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {'oneDNN' if onednn_is_faster() else 'BLAS'} the faster"


if __name__ == "__main__":
    main()
