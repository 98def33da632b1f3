"""The linter names each fault of a pack with its rule and a way to mend it, and says nothing of a sound rule."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kb.clauses import load_clause_book
from tests.rules.packs import pack
from xiaobao.domain import Clause, taxonomy
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.lint import LintFinding, lint

TODAY = date(2026, 11, 22)
IN_FORCE = "nfra-2025-7-suitability#13"
REPEALED = next(c.clause_id for c in load_clause_book() if c.repealed is not None and c.repealed <= TODAY)
SOUND: dict[str, Any] = {
    "id": "t.sound",
    "cites": [IN_FORCE],
    "detect": {"say": ["稳赚不赔"]},
    "right_wording": "不保本",
    "examples": {
        "fires": ["稳赚不赔的", "放心稳赚不赔", "这款稳赚不赔"],
        "silent": ["净值会波动", "不保本", "可能亏损"],
    },
}


def about(*rules: dict[str, Any], today: date = TODAY) -> list[LintFinding]:
    """Findings on these rules alone; a small pack leaves most of the taxonomy uncovered, which is another matter."""
    compiled = pack(*rules)
    found = lint(compiled, RuleSet(compiled), load_clause_book().get, today)
    return [f for f in found if f.rule_id != "-"]


def test_a_sound_rule_has_no_finding() -> None:
    assert about(SOUND) == []


@pytest.mark.parametrize(
    ("change", "level", "code"),
    [
        ({"cites": []}, "error", "no_clause"),
        ({"cites": [IN_FORCE, "no-such-law#1"]}, "error", "unknown_clause"),
        ({"cites": [IN_FORCE, REPEALED]}, "warning", "repealed_clause"),
        ({"cites": [REPEALED]}, "error", "no_clause_in_force"),
        ({"examples": {**SOUND["examples"], "fires": ["稳赚不赔的"]}}, "error", "too_few_examples"),
        ({"examples": {**SOUND["examples"], "silent": []}}, "error", "too_few_examples"),
        ({"examples": {**SOUND["examples"], "fires": ["稳赚不赔", "稳赚不赔呀", "保本"]}}, "error", "example_fails"),
        ({"examples": {**SOUND["examples"], "silent": ["甲", "乙", "稳赚不赔"]}}, "error", "example_fails"),
        ({"criterion": "语气不佳，感觉不够热情"}, "warning", "subjective"),
        ({"right_wording": ""}, "warning", "no_right_wording"),
    ],
)
def test_a_fault_is_named_with_its_rule_and_a_way_to_mend_it(change: dict[str, Any], level: str, code: str) -> None:
    found = about(SOUND | change)
    assert (level, code) in {(f.level, f.code) for f in found}
    assert {f.rule_id for f in found} == {"t.sound"}
    assert all(f.message and f.fix for f in found)


def test_a_clause_that_is_repealed_later_is_no_fault_today() -> None:
    repealed = load_clause_book().get(REPEALED)
    assert isinstance(repealed, Clause)
    assert about(SOUND | {"cites": [REPEALED]}, today=repealed.effective) == []


def test_a_draft_rule_is_not_looked_at() -> None:
    assert about(SOUND | {"status": "draft", "cites": []}) == []


def test_two_rules_of_one_category_with_the_same_condition_overlap() -> None:
    found = about(SOUND, SOUND | {"id": "t.twin"})
    assert [(f.code, f.rule_id) for f in found] == [("overlap", "t.twin")]
    assert "t.sound" in found[0].message


def test_the_same_condition_in_another_category_is_no_overlap() -> None:
    assert about(SOUND, SOUND | {"id": "t.twin", "category": "product_confusion"}) == []


def test_every_category_without_two_rules_and_every_signal_without_one_is_named() -> None:
    compiled = pack(SOUND)
    found = lint(compiled, RuleSet(compiled), load_clause_book().get, TODAY)
    uncovered = [f for f in found if f.code == "category_uncovered"]
    assert len(uncovered) == len(taxonomy().categories)
    assert sum("只有 1 条" in f.message for f in uncovered) == 1
    assert sum(f.code == "signal_uncovered" for f in found) == len(taxonomy().signals)
