"""Small real systems for tests of the whole flow: a Python application beside its system file."""

from __future__ import annotations

import textwrap
from pathlib import Path

NOISE = '''
"""A screener with noise per name, per résumé and per text, and a gap for one group on request. It keeps a log of what it was asked."""
import hashlib, os, time
import numpy as np
from pathlib import Path

HERE = Path(__file__).parent
SEED = int(os.environ.get("NOISE_SEED", "0"))
PAUSE_S = float(os.environ.get("NOISE_PAUSE_S", "0"))

def noise(*key):
    digest = hashlib.blake2b(repr((SEED, *key)).encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big")).standard_normal()

def decide(texts):
    with (HERE / "asked.log").open("a", encoding="utf-8") as log:
        for text in texts:
            log.write(hashlib.sha256(text.encode()).hexdigest() + "\\n")
    time.sleep(PAUSE_S * len(texts))
    return [{"score": float(noise("text", text))} for text in texts]
'''

SYSTEM = """
schema: commonweal/1
name: A test agency
actors:
  - {{id: agency, name: An agency, roles: [deployer], jurisdiction: US, contact: none, decision_rights: [decision_rule]}}
populations:
  - id: applicants
    definition: people who apply
    size: 1000
    groups: {{gender: {{women: 0.5, men: 0.5}}}}
    source: a test
assets:
  - id: screener
    kind: application
    actor: agency
    locator: "{locator}"
    outcome: {{favourable: invite, decide: {{threshold: 0.0}}{timeout}}}
    probes: builtin:hiring
    names_per_group: 9
deployments:
  - {{application: screener, context: employment, grid: FRA, volume: 1000, reach: {{applicants: 500}}, human_override: none}}
"""


def write_system(folder: Path, locator: str = "python:noise_app:decide", timeout: str = "") -> Path:
    """A system file with one application; with the Python one, its module is written beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if locator.startswith("python:noise_app"):
        (folder / "noise_app.py").write_text(textwrap.dedent(NOISE), encoding="utf-8")
    path = folder / "system.yaml"
    path.write_text(SYSTEM.format(locator=locator, timeout=timeout), encoding="utf-8")
    return path
