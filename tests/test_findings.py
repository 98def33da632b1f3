"""From what a rule says to what a judgment shows: evidence, clauses, conventions between categories."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.findings import citation, finding, quote
from tests.rules.packs import call, pack
from xiaobao.domain import Citation, Finding, Origin, Outcome, Severity, Transcript
from xiaobao.findings import MAX_CITATIONS, UNMEASURED, FindingFactory, absorb, distinct_quotes, rationale, signal
from xiaobao.rules.engine import RuleSet

DAY = date(2026, 6, 15)


class Clauses:
    """Clauses in force unless their id ends in `old`; counts what is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def cite(self, clause_id: str, day: date) -> Citation:
        self.asked.append(clause_id)
        return citation(clause_id, in_force=not clause_id.endswith("old"))


def judged(transcript: Transcript, rule: dict[str, Any], confidence: dict[str, float] | None = None) -> Finding:
    rules = RuleSet(pack(rule))
    view, (verdict,) = rules.judge(transcript, every_rule=True)
    return FindingFactory(rules, Clauses(), confidence or {}).finding(verdict, transcript, view, DAY)


SAYS = {"detect": {"say": ["稳赚不赔"]}, "cites": ["a#1"]}
BAD = call("客户：会亏吗", "客服：放心，稳赚不赔的", "客服：真的稳赚不赔")


def test_a_hit_of_a_decisive_rule_is_violated_with_every_turn_and_its_words() -> None:
    found = judged(BAD, SAYS)
    assert (found.outcome, found.origin, found.turns) == (Outcome.VIOLATED, Origin.RULE, (1, 2))
    assert all(BAD.turns[q.turn].text[q.start : q.end] == q.text for q in found.quotes)
    assert {q.turn for q in found.quotes} == {1, 2}


def test_a_hit_of_a_candidate_rule_is_undetermined_and_says_why() -> None:
    found = judged(BAD, {**SAYS, "verdict": "candidate"})
    assert found.outcome is Outcome.UNDETERMINED
    assert found.undetermined_reason


def test_a_rule_that_found_nothing_is_compliant_and_one_out_of_scope_not_applicable() -> None:
    clean = call("客服：净值会波动")
    assert judged(clean, SAYS).outcome is Outcome.COMPLIANT
    assert judged(clean, {**SAYS, "business": ["loan"]}).outcome is Outcome.NOT_APPLICABLE


def test_an_omission_has_its_proof_and_no_turns() -> None:
    rule = {
        "category": "risk_disclosure_missing",
        "omission": {"required": {"say": ["风险"]}, "place": "成交前", "searched_for": "风险提示"},
    }
    found = judged(call("客服：现在就下单吧"), rule)
    assert (found.outcome, found.turns) == (Outcome.VIOLATED, ())
    assert found.omission is not None
    assert found.omission.searched_for == "风险提示"


def test_a_calculation_is_named_as_the_origin() -> None:
    rule = {
        "category": "contact_time_frequency",
        "detect": {"compute": "outside_contact_hours", "params": {"from": "08:00", "to": "22:00"}},
    }
    late = call("客服：您好", business="collections", started_at="2026-06-15T23:30:00+08:00")
    assert judged(late, rule).origin is Origin.ARITHMETIC


def test_confidence_is_the_measured_one_and_otherwise_even() -> None:
    assert judged(BAD, SAYS, {"t.rule-0": 0.93}).confidence == 0.93
    assert judged(BAD, SAYS).confidence == UNMEASURED


def test_the_id_of_a_finding_depends_on_call_rule_and_rule_set_only() -> None:
    assert judged(BAD, SAYS).finding_id == judged(BAD, SAYS).finding_id
    assert judged(BAD, SAYS).finding_id != judged(BAD, {**SAYS, "criterion": "别的判据"}).finding_id
    other = BAD.model_copy(update={"call_id": "T-2"})
    assert judged(BAD, SAYS).finding_id != judged(other, SAYS).finding_id


@pytest.mark.parametrize(
    ("cites", "shown"),
    [
        (["a#1", "b#old", "c#3"], ["a#1", "c#3"]),
        (["a#1", "b#2", "c#3", "d#4"], ["a#1", "b#2", "c#3"]),
        (["a#old", "b#old"], ["a#old"]),
        ([], []),
    ],
    ids=["only those in force", "the most direct ones", "where none is in force, the first as it stands", "none"],
)
def test_clauses_shown_are_those_in_force_in_the_rules_order(cites: list[str], shown: list[str]) -> None:
    found = judged(BAD, {**SAYS, "cites": cites})
    assert [c.clause_id for c in found.citations] == shown
    assert len(found.citations) <= MAX_CITATIONS


def test_clauses_of_a_rule_are_looked_up_once_a_day() -> None:
    rules, clauses = RuleSet(pack(SAYS)), Clauses()
    factory = FindingFactory(rules, clauses, {})
    (rule,) = rules.specs.values()
    for _ in range(3):
        factory.citations(rule, DAY)
    factory.citations(rule, date(2026, 6, 16))
    assert clauses.asked == ["a#1", "a#1"]


def test_a_signal_keeps_the_customers_words() -> None:
    rule = {"category": None, "signal": "complaint_intent", "binds": "customer", "detect": {"say": ["投诉"]}}
    transcript = call("客户：我要投诉你们", "客服：好的")
    view, (verdict,) = RuleSet(pack(rule)).judge(transcript, every_rule=True)
    hit = signal(verdict, view)
    assert (hit.signal, hit.turns) == ("complaint_intent", (0,))
    assert hit.quotes[0].text in transcript.turns[0].text


def test_the_rationale_gives_the_criterion_for_a_hit_and_the_search_for_none() -> None:
    rules = RuleSet(pack(SAYS))
    for transcript, words in ((BAD, "判据：测试判据。"), (call("客服：您好"), "未检出")):
        _, (verdict,) = rules.judge(transcript, every_rule=True)
        assert words in rationale(verdict)


def test_a_quote_inside_another_of_the_same_turn_is_not_shown_twice() -> None:
    outer, inner, after = quote(1, "放心，稳赚不赔的", 0), quote(1, "稳赚不赔", 3), quote(1, "真的", 8)
    elsewhere = quote(2, "稳赚不赔", 3)
    assert distinct_quotes([inner, elsewhere, after, outer, outer]) == (outer, after, elsewhere)


def test_overlapping_quotes_are_both_kept() -> None:
    one, two = quote(1, "放心，稳赚", 0), quote(1, "稳赚不赔", 3)
    assert distinct_quotes([two, one]) == (one, two)


def test_a_turn_that_proves_a_critical_fault_is_not_rude_as_well() -> None:
    threat = finding("threat_violence", turns=(3,))
    rude = finding("rude_service", turns=(3, 5), quotes=(quote(3, "弄死你"), quote(5, "听不懂吗")))
    kept = absorb([threat, rude])
    assert kept[0] == threat
    assert kept[1].turns == (5,)
    assert kept[1].quotes == (quote(5, "听不懂吗"),)


def test_rudeness_with_no_turn_of_its_own_goes() -> None:
    threat = finding("threat_violence", turns=(3,))
    assert absorb([threat, finding("rude_service", turns=(3,))]) == [threat]


@pytest.mark.parametrize(
    "other",
    [
        finding("threat_violence", Outcome.UNDETERMINED, turns=(3,)),
        finding("no_soothing", turns=(3,), severity=Severity.MAJOR),
    ],
    ids=["only suspected", "not critical"],
)
def test_only_a_proven_critical_fault_takes_turns_from_rudeness(other: Finding) -> None:
    assert finding("rude_service", turns=(3,)) in absorb([other, finding("rude_service", turns=(3,))])


def test_a_doubt_about_a_proven_category_adds_nothing_and_one_about_another_stays() -> None:
    proof = finding("misinformation", rule_id="t.a")
    doubt = finding("misinformation", Outcome.UNDETERMINED, rule_id="t.b")
    other = finding("no_soothing", Outcome.UNDETERMINED)
    assert absorb([doubt, proof, other]) == [proof, other]
    assert absorb([doubt, other]) == [doubt, other]
