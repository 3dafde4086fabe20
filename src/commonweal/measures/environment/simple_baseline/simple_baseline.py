"""Is a foundation model needed at all? An application beside a linear model that learned the same task: accuracy and
energy.

See task_texts.py (what the auditor brings), task.py (whether it fits), linear_baseline.py (the simple one),
side_by_side.py (both at work under the meter) and rows.py (what is told).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from commonweal.errors import NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.environment.simple_baseline.baseline_words import MARGIN
from commonweal.measures.environment.simple_baseline.energy import energies, energy_rows
from commonweal.measures.environment.simple_baseline.rows import (
    Scores,
    accuracy_rows,
    difference_rows,
    gain_row,
    one_answer_rows,
)
from commonweal.measures.environment.simple_baseline.side_by_side import side_by_side
from commonweal.measures.environment.simple_baseline.task import asked_texts, task_of
from commonweal.measures.environment.simple_baseline.task_texts import read_task_texts
from commonweal.measures.options import Limit
from commonweal.measures.readable import unread_of, unread_words
from commonweal.measures.registry import measure
from commonweal.models.protocols import Case, Decision, DecisionApplication
from commonweal.system.records import System

PER_1000 = "Wh/1000 decisions"


def expected(data: DataSet, limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [one.text for one in asked_texts(read_task_texts(data), limit)]


@measure(
    source="Bommasani et al. 2021, section 5.3 (would a simpler baseline give a similar benefit?); linear models on "
    "n-grams as strong baselines: Wang and Manning 2012, ACL; non-inferiority: ICH E9 (1998), section 3.3.2; blocks, "
    "margin and gain share: commonweal",
    cluster="the texts' column `cluster`; without it the text",
    family="one: the accuracy of the application less that of the linear model",
    version=4,
    data=DataPlace("task", "*.[cjt]s*[lv]", "your own labelled texts: CSV or JSON lines with the columns text, label"),
    units=("cluster",),
    quantities={
        "accuracy_difference": Quantity(
            unit="1",
            label="accuracy of the application less that of a linear model",
            null=0.0,
            about="above 0: the application is the better one; on the same texts, paired",
        ),
        "accuracy_difference_bound": Quantity(
            unit="1",
            label="largest such difference that the texts leave open (one-sided 95 %)",
            about=f"below {MARGIN:g}, fixed beforehand: the linear model is not worse by more than {100 * MARGIN:g} "
            "points",
        ),
        "application_accuracy": Quantity(unit="1", label="accuracy of the application"),
        "baseline_accuracy": Quantity(
            unit="1", label="accuracy of a linear model", about="of texts of clusters from which it did not learn"
        ),
        "majority_accuracy": Quantity(unit="1", label="accuracy of always giving the commonest label"),
        "gain_share": Quantity(
            unit="1",
            label="share of the application's gain over the commonest label that a linear model has too",
            about="100 %: all of it; below 0: it is worse than the commonest label",
            role="baseline_gain_share",
        ),
        "energy_ratio": Quantity(
            unit="1",
            label="energy of the application over that of a linear model",
            about="per decision, on this machine, the same texts",
        ),
        "application_energy": Quantity(
            unit=PER_1000,
            label="energy of the application",
            about="all components that did the work, gross",
            role="decision_energy_beside_baseline",
        ),
        "baseline_energy": Quantity(
            unit=PER_1000,
            label="energy of a linear model",
            about="all components that did the work, gross",
            role="baseline_decision_energy",
        ),
        "baseline_training_energy": Quantity(
            unit="Wh",
            label="energy of training the linear model",
            about="once, on all labelled texts",
            role="baseline_training_energy",
        ),
        "contribution": Quantity(unit="1", label="what a label or cluster adds to a difference that was found"),
    },
    warnings=(
        "The linear model learned from labelled texts; the application, from a prompt alone, did not. What the labels "
        "cost is not in it.",
        "It is about these texts and labels. A linear model knows words and their neighbours: on texts of another "
        "time, place or wording it may fail where a foundation model does not, and a test set of one source does not "
        "show that.",
        "Near copies in different clusters let the linear model look up the answer: name in `cluster` what belongs "
        "together.",
        "A test set that was written to be hard for linear models, or for this application, says little about what "
        "people send.",
        "Equal accuracy is not equal harm: the two may err about other people. Compare their errors by group before "
        "replacing one.",
        "The interval takes the trained models as they are; other labelled texts to learn from would give somewhat "
        "other ones.",
        "The energy is that of this machine, without making either of them, the building, or the network.",
    ),
    workload=expected,
)
def simple_baseline(
    application: DecisionApplication,
    data: DataSet,
    limit: Limit,
    system: System,
    journal: Journal,
    rng: np.random.Generator,
) -> Iterator[Estimate | Missing]:
    """Accuracy and energy of an application beside those of a linear model, acc(application) - acc(linear) in [-1, 1];
    0: alike.

    The application decides at most 200 labelled texts (or --limit), one of each cluster in turn. A logistic regression
    on n-grams of characters and words learns from all of them, five times, each time without a fifth of the clusters;
    each text is judged by the one that saw nothing of its cluster. Always giving the commonest label stands beside
    them.

    - accuracy_difference > 0: the application is the better one. The linear model is "not worse" where the one-sided 95
      % bound of the difference stays below 0.02. That margin is a choice, made before any data.
    - gain_share: of what the application gains over the commonest label, the share that the linear model gains too; 1:
      all of it. Unknown where the application is not shown to gain anything.
    - energy per 1,000 decisions, metered in turn in one run: see environment.inference_energy. Energy of training the
      linear model: that of the five trainings per text, times all labelled texts. What was not read and cannot be
      modelled is unknown, and never 0.

    It does not show that a linear model would do where the application is used, nor what the labels cost.

    Raises
    ------
    NotApplicable
        If the application chooses a share of a pool; if there are fewer than 40 texts or 10 clusters, or one label; or
        if the labels are not the application's options.
    NotJudged
        If fewer than four in five answers can be read. An application that gives one answer to all texts has its
        accuracy told, and no difference.
    DataFileError
        If the files do not follow the format.
    """
    if application.top_share is not None:
        raise NotApplicable(
            f"'{application.name}' chooses {100 * application.top_share:g} % of a pool, so no text has a right answer "
            "by itself"
        )
    task = task_of(read_task_texts(data), limit, application.favourable, _options(application.name, system))
    cases = [Case(one.text, {"label": one.label, "cluster": one.cluster}) for one in task.asked]
    seen = side_by_side(application, cases, task.lesson, journal)
    unread = unread_of(application, [Decision(one.option, one.favourable, None) for one in seen.said])
    said, right = [one for one, lost in zip(seen.said, unread, strict=True) if not lost], task.right[~unread]
    scores = Scores(
        (task.codes(said) == right).astype(np.float64),
        (seen.learned[~unread] == right).astype(np.float64),
        (right == task.majority).astype(np.float64),
        task.clusters[~unread],
        right,
    )
    taken = energies(seen, len(task.lesson.texts), rng)
    if len(set(said)) > 1:
        yield from _told(difference_rows(scores, task, taken.ratio, rng), unread)
        yield from _told([*accuracy_rows(scores, task), gain_row(scores, task)], unread)
    else:
        yield from one_answer_rows(task.name_of(said[0]), len(said))
        yield from _told(accuracy_rows(scores, task), unread)
    yield from energy_rows(seen, taken)


def _told(rows: Iterable[Estimate | Missing], unread: npt.NDArray[np.bool_]) -> Iterator[Estimate | Missing]:
    """The rows, each of which says how many answers are not in it."""
    words = unread_words(unread)
    yield from (
        one.model_copy(update={"note": f"{words}; {one.note}" if one.note else words})
        if words and isinstance(one, Estimate)
        else one
        for one in rows
    )


def _options(name: str, system: System) -> tuple[str, ...]:
    """Every answer that the application may give; empty where that is not declared."""
    if not system.has_asset(name):
        return ()
    asset = system.asset(name)
    if asset.prompt is not None:
        return tuple(asset.prompt.options)
    return tuple(asset.outcome.options or ()) if asset.outcome is not None else ()
