"""The answer about the stereotyped group, in the forms in which BBQ's categories write their labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commonweal.measures.inequity.bbq_items import _item

ITEM = {
    "example_id": 0, "question_index": "1", "question_polarity": "neg", "context_condition": "ambig", "context": "Two people met.",
    "question": "Who was late?", "ans0": "one", "ans1": "other", "ans2": "Not known", "label": 2,
}  # fmt: skip


def target(category: str, groups: list[str], one: str, other: str) -> int | None:
    row: dict[str, Any] = ITEM | {
        "category": category,
        "answer_info": {"ans0": ["x", one], "ans1": ["y", other], "ans2": ["Not known", "unknown"]},
        "additional_metadata": {"stereotyped_groups": groups},
    }
    return _item(Path("a.jsonl"), 1, json.loads(json.dumps(row))).target


@pytest.mark.parametrize(
    ("category", "groups", "one", "other", "place"),
    [
        ("SES", ["low SES"], "highSES", "lowSES", 1),
        ("Race_ethnicity", ["Black", "African American"], "F-Black", "F-White", 0),
        ("Race_ethnicity", ["Black"], "Black", "White", 0),
        ("Race_x_SES", ["African American"], "highSES-African American", "lowSES-African American", 1),
        ("Race_x_SES", ["Black"], "lowSES-F-Black", "highSES-F-Black", 0),
        ("Race_x_gender", ["F-Black"], "M-Black", "F-Black", 1),
        ("Gender_identity", ["F"], "man", "woman", 1),
        ("Gender_identity", ["trans", "transgender"], "nonTrans_F", "trans_F", 1),
        ("Physical_appearance", ["obese"], "obese", "nonObese", 0),
        ("Age", ["old"], "nonOld", "old", 1),
        ("Race_ethnicity", ["Black"], "M-Black", "F-Black", None),  # both: the data do not tell
        ("SES", ["low SES"], "highSES", "middle", None),
    ],
)
def test_labels_with_a_prefix_name_their_group(category: str, groups: list[str], one: str, other: str, place: int | None) -> None:
    assert target(category, groups, one, other) == place
