"""The score: what is lost, what leaves the denominator, and what overrides the total."""

from __future__ import annotations

from typing import Any

import pytest

from kb.scorecards import load_scorecard
from tests.findings import finding
from tests.rules.packs import call
from xiaobao.domain import Outcome, ScoreItem, Severity, taxonomy
from xiaobao.scoring import Scorecard

CARD = load_scorecard()
ITEMS = {item.item: item for section in CARD.sections for item in section.items}
HELP = call("客户：您好", "客服：您好", business="service", direction="inbound")


def items(score: Any) -> dict[str, ScoreItem]:
    return {item.item: item for section in score.sections for item in section.items}


def small_card(**scope: Any) -> Scorecard:
    spec = {"item": "a", "zh": "甲", "weight": 75, "lost_by": ["no_soothing"], **scope}
    rest = {"item": "b", "zh": "乙", "weight": 25, "lost_by": ["misinformation"]}
    return Scorecard.model_validate(
        {"name": "small", "revision": 3, "sections": [{"section": "s", "zh": "段", "items": [spec, rest]}]}
    )


def test_the_weights_of_the_shipped_card_sum_to_100_over_15_items() -> None:
    assert sum(item.weight for item in ITEMS.values()) == 100
    assert len(ITEMS) == 15
    assert all(item.weight > 0 for item in ITEMS.values())


def test_every_category_loses_exactly_one_item() -> None:
    lost_by = sorted(category for item in ITEMS.values() for category in item.lost_by)
    assert lost_by == sorted(taxonomy().categories)


def test_a_call_without_findings_scores_100() -> None:
    score = CARD.score(HELP, [])
    assert (score.total, score.auto_fail, score.scorecard) == (100.0, False, "service-15@1")


def test_a_violation_loses_its_item_whole_and_names_the_finding() -> None:
    fault = finding("no_soothing")
    score = CARD.score(HELP, [fault])
    soothing = items(score)["soothing"]
    assert (soothing.state, soothing.points, soothing.max_points) == ("lost", 0, 6)
    assert soothing.finding_ids == (fault.finding_id,)
    in_scope = sum(item.max_points for item in items(score).values() if item.state in ("earned", "lost"))
    assert score.total == round(100 * (in_scope - 6) / in_scope, 1)


def test_two_violations_of_one_item_lose_it_once() -> None:
    one = CARD.score(HELP, [finding("no_soothing", rule_id="t.a")])
    two = CARD.score(HELP, [finding("no_soothing", rule_id="t.a"), finding("no_soothing", rule_id="t.b")])
    assert two.total == one.total
    assert len(items(two)["soothing"].finding_ids) == 2


def test_what_does_not_apply_leaves_the_denominator() -> None:
    score = CARD.score(HELP, [finding("no_soothing")])
    for name in ("identity", "contact", "risk", "suitability"):
        assert items(score)[name].state == "not_applicable"
    assert sum(section.possible for section in score.sections) == 100 - 4 - 6 - 10 - 7


def test_an_item_out_of_scope_is_lost_all_the_same_when_a_rule_proved_it() -> None:
    score = CARD.score(HELP, [finding("guaranteed_return")])
    assert items(score)["risk"].state == "lost"


@pytest.mark.parametrize(
    ("outcome", "total"), [(Outcome.VIOLATED, 25.0), (Outcome.UNDETERMINED, 100.0), (Outcome.COMPLIANT, 100.0)]
)
def test_an_undetermined_item_counts_neither_way(outcome: Outcome, total: float) -> None:
    score = small_card().score(HELP, [finding("no_soothing", outcome)])
    assert score.total == total


def test_an_undetermined_item_leaves_the_denominator() -> None:
    score = small_card().score(HELP, [finding("no_soothing", Outcome.UNDETERMINED), finding("misinformation")])
    assert items(score)["a"].state == "undetermined"
    assert sum(section.possible for section in score.sections) == 25
    assert score.total == 0.0


def test_a_proof_beats_a_doubt_about_the_same_item() -> None:
    doubt = finding("no_soothing", Outcome.UNDETERMINED, rule_id="t.a")
    score = small_card().score(HELP, [doubt, finding("no_soothing", rule_id="t.b")])
    assert items(score)["a"].state == "lost"


@pytest.mark.parametrize(
    ("scope", "applies"),
    [
        ({"business": ["service"]}, True),
        ({"business": ["collections"]}, False),
        ({"channel": ["phone"]}, True),
        ({"channel": ["chat"]}, False),
        ({"direction": ["inbound"]}, True),
        ({"direction": ["outbound"]}, False),
        ({"business": ["service"], "direction": ["outbound"]}, False),
    ],
)
def test_an_item_applies_where_business_channel_and_direction_all_fit(scope: dict[str, Any], applies: bool) -> None:
    score = small_card(**scope).score(HELP, [finding("misinformation")])
    assert items(score)["a"].state == ("earned" if applies else "not_applicable")
    assert score.total == (75.0 if applies else 0.0)


def test_nothing_left_to_score_is_a_full_score() -> None:
    findings = [finding("no_soothing", Outcome.UNDETERMINED), finding("misinformation", Outcome.UNDETERMINED)]
    assert small_card().score(HELP, findings).total == 100.0


@pytest.mark.parametrize(
    ("outcome", "severity", "fails"),
    [
        (Outcome.VIOLATED, Severity.CRITICAL, True),
        (Outcome.VIOLATED, Severity.MAJOR, False),
        (Outcome.UNDETERMINED, Severity.CRITICAL, False),
    ],
)
def test_only_a_proven_critical_violation_fails_the_call_outright(outcome, severity, fails) -> None:
    assert CARD.score(HELP, [finding("rude_service", outcome, severity=severity)]).auto_fail is fails
