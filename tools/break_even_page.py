"""docs/break_even.md and its picture: figure 4 of the society chapter drawn from public inputs, beside what the
chapter says.
"""

from __future__ import annotations

import re

from commonweal.footprint.break_even import break_even_tasks
from commonweal.report.figures.break_even_figure import Crossing, ServingOption, exactly, lines_svg

PRETRAINING_KWH = 1507.0
SCRATCH_KWH = 27.0
CLAIMED_TASKS = 80
ADAPTATIONS = (
    (0.0, "adapting costs nothing: the least that N* can be"),
    (3.1, "one fine-tuning of BERT on 4 V100 over 6 hours, as the documentation of codecarbon gives it"),
    (8.16, f"what f would have to be for {CLAIMED_TASKS} tasks"),
)
LIGHT = {
    "--ink": "#1d1c1a",
    "--muted": "#59554e",
    "--rule": "#dedad2",
    "--series": "#17528f",
    "--band": "#e9e4d8",
    "--paper": "#fdfcfa",
}
TEXT = """# From how many tasks does one shared model cost less energy?

One shared model takes P kWh once and f kWh for each task that it is adapted to. A model of its own takes S kWh for each task. The
shared one costs less from

    N* = P / (S - f) tasks

on, and never where f is at least S. `scratch_energy` under `value:` of a deployment declares S; P and f come from the stages
`pretraining` and `adaptation` of what it is built on (see [value.md](value.md)). The dossier draws the lines with their bands, marks N*
with its interval, or says "never".

## The society chapter's figure 4, from public inputs

![Energy over the number of tasks. The numbers are in the table below.](break_even.svg)

{spoken}

| f, one adaptation [kWh] | N* [tasks] | where f comes from |
|---|---|---|
{rows}

P = {pretraining:,.0f} kWh: BERT base, Strubell et al. 2019, Table 3. S = {scratch:g} kWh: Transformer base trained from scratch, the same table.
With Transformer big (S = 201 kWh) N* would be {big:.1f}, so the figure must mean Transformer base.

**The chapter says about {claimed} tasks** (Bommasani et al. 2021, section 5.3). That needs f = {needed:.2f} kWh for each adaptation. We could
not check the f that it uses. With what else is public N* lies between {least:.0f} and {claimed}: a range, not a number.

What the figure leaves out: inference, which for a widely used model outweighs training, and is dearer with the larger model; whether the two
models do the task equally well; failed and repeated runs; making the hardware. `break_even_tasks` in
`src/commonweal/footprint/break_even.py` takes inference per task too.
"""


def tasks(adaptation_kwh: float, scratch_kwh: float = SCRATCH_KWH) -> float:
    """N* of the figure's inputs [tasks]."""
    found = break_even_tasks(PRETRAINING_KWH, scratch_kwh, adaptation_kwh)
    assert found is not None
    return found


def spoken() -> str:
    """The picture in words."""
    starts = "; ".join(f"with f = {f:g} kWh it costs less from {tasks(f):.1f} tasks on" for f, _ in ADAPTATIONS)
    return (
        f"In words: a model for each task takes {SCRATCH_KWH:g} kWh a task, a straight line from 0. The shared model "
        f"starts at {PRETRAINING_KWH:,.0f} kWh: {starts}."
    )


def page() -> str:
    """The text of docs/break_even.md, without its notice."""
    rows = "\n".join(f"| {f:g} | {tasks(f):.1f} | {what} |" for f, what in ADAPTATIONS)
    return TEXT.format(
        spoken=spoken(),
        rows=rows,
        pretraining=PRETRAINING_KWH,
        scratch=SCRATCH_KWH,
        big=tasks(0.0, 201.0),
        claimed=CLAIMED_TASKS,
        needed=SCRATCH_KWH - PRETRAINING_KWH / CLAIMED_TASKS,
        least=tasks(0.0),
    )


def picture() -> str:
    """The text of docs/break_even.svg: in fixed colours, since a picture in a page does not know the page's."""
    ways = [
        ServingOption(
            f"a model for each:\n{SCRATCH_KWH:g} kWh a task", exactly(0.0), exactly(SCRATCH_KWH), shared=False
        )
    ]
    ways += [
        ServingOption(f"shared model,\nf = {f:g} kWh a task", exactly(PRETRAINING_KWH), exactly(f))
        for f, _ in ADAPTATIONS
    ]
    names = [f"{tasks(f):.1f}" for f, _ in ADAPTATIONS]
    names[-1] = f"N* = {names[-1]} (claimed: {CLAIMED_TASKS})"
    starts = [tasks(f) for f, _ in ADAPTATIONS]
    crossings = [Crossing(exactly(start), SCRATCH_KWH * start, name) for start, name in zip(starts, names, strict=True)]
    title = f"Energy over the number of tasks; the chapter says about {CLAIMED_TASKS} tasks"
    svg = str(lines_svg(ways, crossings, (title, spoken()), "break-even"))
    svg = re.sub(r"var\((--[a-z]+)\)", lambda found: LIGHT[found[1]], svg)
    opening, rest = svg.split(">", 1)
    words, drawing = rest.split("</desc>", 1)
    ground = f'<rect width="100%" height="100%" fill="{LIGHT["--paper"]}"/>'
    return f'{opening} font-family="sans-serif">{words}</desc>{ground}{drawing}\n'
