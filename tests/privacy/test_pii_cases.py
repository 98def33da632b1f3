"""Recall and precision on `pii_cases.jsonl` stay above the floors that were reached when it was written."""

from __future__ import annotations

import json

import pytest

from tests.privacy.pii_metrics import CASES, Case, load_cases, score
from xiaobao.privacy import PiiKind
from xiaobao.privacy.finder import find_in_texts
from xiaobao.privacy.masking import replace_spans

FLOORS = {
    # group: (recall, precision)
    "structured": (0.99, 0.99),
    "spoken": (0.97, 0.98),
    "name": (0.95, 0.98),
    "address": (0.93, 0.97),
}
STRUCTURED_KINDS = sorted(set(PiiKind) - {PiiKind.NAME, PiiKind.ADDRESS})
MAX_OVER_MASKED = 0.02


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases()


def test_the_set_says_it_is_invented_and_is_large_enough(cases: list[Case]) -> None:
    header = json.loads(CASES.read_text("utf-8").partition("\n")[0])
    assert "Invented" in header["about"]
    assert len(cases) >= 400
    assert sum(case.group == "negative" for case in cases) >= 150
    assert len({case.turns for case in cases}) == len(cases)


@pytest.mark.parametrize("group", FLOORS)
def test_each_group_reaches_its_floors(cases: list[Case], group: str) -> None:
    tally = score(case for case in cases if case.group == group)
    recall, precision = FLOORS[group]
    assert tally.recall >= recall, tally.misses
    assert tally.precision >= precision, tally.wrong


@pytest.mark.parametrize("kind", STRUCTURED_KINDS)
def test_each_structured_kind_is_found(cases: list[Case], kind: PiiKind) -> None:
    tally = score(case for case in cases if any(label.kind is kind for label in case.labels))
    assert tally.hits >= 5, "too few labels of this kind"
    assert tally.recall >= 0.97, tally.misses


def test_sentences_without_personal_data_stay_as_they_are(cases: list[Case]) -> None:
    negatives = [case for case in cases if case.group == "negative"]
    masked = [case.turns for case in negatives if find_in_texts(case.turns)]
    assert len(masked) <= MAX_OVER_MASKED * len(negatives), masked


def test_masking_twice_changes_nothing_more(cases: list[Case]) -> None:
    again = []
    for case in cases:
        masked = replace_spans(case.turns, find_in_texts(case.turns))
        if find_in_texts(masked):
            again.append(masked)
    assert len(again) <= MAX_OVER_MASKED * len(cases), again
