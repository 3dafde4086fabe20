"""Systems that nobody runs: the hiring example of the design with the people around it, and one of three hundred
assets.
"""

from __future__ import annotations

import random

from commonweal.system.decisions import Prompt
from commonweal.system.records import Actor, Asset, Dependency, Deployment, Population, Stake, System


def hiring_system() -> System:
    """The example of DESIGN.md, with the data it was made from and the people around it."""
    return System(
        name="Résumé screening at a staffing agency",
        actors=(
            Actor(
                id="lab",
                name="The model's provider",
                roles=("provider",),
                jurisdiction="FR",
                contact="none",
                decision_rights=("training", "weights", "release"),
            ),
            Actor(
                id="crawl",
                name="A web crawl foundation",
                roles=("data creator", "curator"),
                jurisdiction="US",
                contact="https://example.org/contact",
                decision_rights="unknown",
            ),
            Actor(
                id="agency",
                name="A staffing agency",
                roles=("deployer",),
                jurisdiction="US",
                decision_rights=("prompt", "decision_rule", "deployment", "oversight"),
            ),
            Actor(id="recruiter", name="Recruiters", roles=("user",)),
            Actor(id="eeoc", name="Equal Employment Opportunity Commission", roles=("regulator",), jurisdiction="US"),
        ),
        populations=(
            Population(
                id="applicants",
                definition="people who apply for work through the agency",
                size=120000,
                groups={"gender": {"women": 0.48, "men": 0.52}, "race": "unknown"},
                source="agency annual report",
            ),
            Population(id="authors", definition="people whose web pages are in the training text", size="unknown"),
        ),
        assets=(
            Asset(
                id="webtext",
                kind="dataset",
                actor="crawl",
                release="open",
                declared={
                    "license": "ODC-By",
                    "languages": ("English",),
                    "consent": "none",
                    "tokens": "unknown",
                    "personal_data": None,
                },
            ),
            Asset(
                id="smollm2",
                kind="model",
                actor="lab",
                release="open_weights",
                locator="embedded:smollm2",
                declared={"license": "Apache-2.0", "training_energy_kwh": "unknown", "evaluated_for_bias": "none"},
            ),
            Asset(
                id="screener",
                kind="application",
                actor="agency",
                prompt=Prompt(
                    template="{resume}\n\nShould we invite this applicant to an interview? Answer:",
                    options={"invite": " yes", "reject": " no"},
                    favourable="invite",
                ),
            ),
        ),
        dependencies=(
            Dependency(upstream="webtext", downstream="smollm2", relation="trained_on", share=0.6),
            Dependency(upstream="smollm2", downstream="screener", relation="serves"),
            Dependency(upstream="screener", downstream="webtext", relation="feeds_back", share="unknown"),
        ),
        deployments=(
            Deployment(
                application="screener",
                id="screening",
                context="employment",
                grid="USA",
                volume=400000,
                reach={"applicants": 90000, "authors": "unknown"},
                human_override=(0.0, 0.2),
                alternative="two recruiters read each résumé",
                benefits=(Stake(population="applicants", what="an answer within a day"),),
                burdens=(
                    Stake(population="applicants", what="no person reads most résumés", group={"gender": "women"}),
                ),
            ),
        ),
    )


def large_system(count: int = 300) -> System:
    """Many assets: datasets feed models, models are adapted, adaptations serve applications."""
    rng = random.Random(4)
    sizes = {"dataset": count // 5, "model": count // 6, "adapted_model": count // 4}
    sizes["application"] = count - sum(sizes.values())
    letters = {"dataset": "data", "model": "model", "adapted_model": "tuned", "application": "app"}
    assets = [
        Asset(
            id=f"{letters[kind]}-{index:03}",
            kind=kind,
            actor=f"firm-{index % 40}",
            declared={"license": rng.choice(["MIT", "none", "unknown", None])},
        )
        for kind, size in sizes.items()
        for index in range(size)
    ]
    kinds = {kind: [asset.id for asset in assets if asset.kind == kind] for kind in sizes}
    links = [(up, down, "trained_on") for down in kinds["model"] for up in rng.sample(kinds["dataset"], 3)]
    links += [(rng.choice(kinds["model"]), down, "adapted_from") for down in kinds["adapted_model"]]
    links += [(rng.choice(kinds["adapted_model"] + kinds["model"]), down, "serves") for down in kinds["application"]]
    links += [(kinds["application"][3], kinds["dataset"][5], "feeds_back")]
    return System(
        name="Three hundred assets",
        actors=tuple(Actor(id=f"firm-{index}", name=f"Firm {index}", roles=("provider",)) for index in range(40)),
        populations=tuple(
            Population(id=f"people-{index}", definition=f"customers of region {index}") for index in range(12)
        ),
        assets=tuple(assets),
        dependencies=tuple(
            Dependency.model_validate({"upstream": u, "downstream": d, "relation": r}) for u, d, r in links
        ),
        deployments=tuple(
            Deployment(application=app, id=f"{app}-live", reach={f"people-{index % 12}": 1000 * index or "unknown"})
            for index, app in enumerate(kinds["application"])
        ),
    )
