"""The policy pack we ship keeps its own promises."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kb.clauses import load_clause_book
from kb.policies import load_pack
from kb.remedies import load_remedies
from kb.scorecards import load_scorecard
from xiaobao.domain import taxonomy
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.examples import check_examples
from xiaobao.rules.lint import lint


@pytest.fixture(scope="module")
def rules(rule_cache: Path) -> RuleSet:
    return RuleSet(load_pack(), cache_dir=rule_cache)


def test_every_example_fires_or_stays_silent_as_it_says(rules: RuleSet) -> None:
    assert [f"{f.rule_id} {f.expected}: {f.example} -> {f.got}" for f in check_examples(rules)] == []


def test_lint_finds_no_error(rules: RuleSet) -> None:
    found = lint(load_pack(), rules, load_clause_book().get, date(2026, 11, 22))
    assert [f for f in found if f.level == "error"] == []


@pytest.mark.parametrize("slug", sorted(taxonomy().categories))
def test_every_category_has_two_active_rules_with_a_clause_and_examples_of_both_kinds(
    rules: RuleSet, slug: str
) -> None:
    mine = [rule for rule in rules.specs.values() if rule.category == slug]
    assert len(mine) >= 2
    for rule in mine:
        assert rule.cites
        assert rule.examples.fires
        assert rule.examples.silent


@pytest.mark.parametrize("slug", sorted(taxonomy().signals))
def test_every_signal_has_a_rule(rules: RuleSet, slug: str) -> None:
    assert any(rule.signal == slug for rule in rules.specs.values())


def test_every_cited_clause_exists(rules: RuleSet) -> None:
    book = load_clause_book()
    assert sorted({cited for rule in rules.specs.values() for cited in rule.cites if cited not in book}) == []


def test_scorecard_and_remedies_cover_every_category() -> None:
    card, remedies = load_scorecard(), load_remedies()
    scored = {category for section in card.sections for item in section.items for category in item.lost_by}
    assert scored == set(taxonomy().categories)
    assert set(remedies.categories) == set(taxonomy().categories)
