"""Writes a first system file to change: the hiring example, with a comment for each part."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from commonweal.errors import OutputError

FILE_NAME: Final = "system.yaml"

STARTER: Final = """\
# A system, described so that it can be measured.
#
# This is an example: a staffing agency lets a language model screen résumés. It runs as it is. Change it, part by
# part, into your own system. Text after a # is a comment and is not read.
#
# Three answers are different, everywhere in this file:
#   none       there is none
#   unknown    nobody could find out
#   (nothing)  nobody has answered yet: leave the line out, or leave it empty after the colon
#
# Numbers may carry their unit: 400000, 400_000 and 400000 task/year are the same. All fields: docs/schema.md

schema: commonweal/1
name: Résumé screening at a staffing agency

# Who decides? Everyone who made, adapted or uses a part of the system, or who is affected by it.
actors:
  - id: lab                             # a short name, used below
    name: The model's provider
    roles: [provider]                   # data creator, curator, provider, adapter, deployer, user, affected, regulator
    jurisdiction: FR                    # the country whose law it answers to
    decision_rights: [data, training, weights, release]     # what it may change
    contact: unknown                    # where a harmed person can write
  - id: agency
    name: A staffing agency
    roles: [deployer]
    jurisdiction: US
    decision_rights: [prompt, decision_rule, deployment, oversight, recourse]
    contact: appeals@agency.example

# Who is affected? The groups of people whom the system reaches.
populations:
  - id: applicants
    definition: people who apply for work through the agency
    size: 120000 people
    groups:                             # the shares of one attribute add up to 1
      gender: {women: 0.48, men: 0.52}
    source: example figures; put the agency's annual report here

# What is it made of? Data, models and applications. An application is what people meet.
assets:
  - id: smollm2
    kind: model                         # dataset, model, adapted_model or application
    actor: lab                          # who decides about it
    release: open_weights               # closed, api, open_weights or open
    locator: "embedded:smollm2"         # the small model that comes with commonweal; yours may be a folder or a .gguf file
    declared:                           # facts about it, as its provider tells them
      license: Apache-2.0
      languages: English
      training_energy_kwh: unknown
      training_carbon_kg: unknown
      labour: unknown

  - id: screener
    kind: application
    actor: agency
    prompt:                             # the question that is put to the model
      template: "{resume}\\n\\nShould we invite this applicant to an interview? Answer:"
      options: {invite: " yes", reject: " no"}
      favourable: invite                # the answer that the person affected would want
      decide: {top_share: 0.3}          # how the score is used: here the best 30 % of applicants are invited
    probes: builtin:hiring              # the test cases for this kind of decision
    declared:
      intended_uses: a first sorting of applications, before a recruiter reads them
      decision_review: a recruiter reads every invited résumé, and none of the rejected ones
      recourse: none                    # an applicant cannot appeal today

# What is used by what?
dependencies:
  - {upstream: smollm2, downstream: screener, relation: serves}

# Where is it in use, on whom, and how often?
deployments:
  - application: screener
    context: employment
    grid: USA                           # the country on whose electricity it runs
    volume: 400000 task/year            # decisions a year
    reach: {applicants: 90000}          # people of each population, a year
    human_override: [0.0, 0.1]          # recruiters overturn between 0 and 10 % of its answers
    alternative: two recruiters read each résumé      # what it replaces
    benefits:
      - {population: applicants, what: an answer within a day}
    burdens:
      - {population: applicants, what: a rejection that no person has looked at}
"""


def write_starter(folder: str | Path) -> tuple[Path, ...]:
    """Write `system.yaml` into a folder, which is made if need be; the paths written. Never overwrites."""
    directory = Path(folder)
    path = directory / FILE_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(STARTER)
    except FileExistsError:
        there = path if path.exists() or path.is_symlink() else directory
        mend = (
            "choose another folder, or move the file away"
            if there == path
            else "expected a folder; choose another name"
        )
        raise OutputError(f"{there}: is already there, and is left as it is; {mend}") from None
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror}; expected a folder that you may write to"
        ) from None
    return (path,)
