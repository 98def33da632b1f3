"""Tickets: one a category, due by severity, with approved words only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from agents.remediation import MAX_EVIDENCE, draft_tickets
from kb.remedies import load_remedies
from tests.findings import citation, finding, quote
from xiaobao.domain import Finding, FlowStep, OmissionProof, Origin, Outcome, Severity, Ticket, TicketState, taxonomy
from xiaobao.domain.rule import Rule

NOW = datetime.fromisoformat("2026-06-16T09:00:00+08:00")
REMEDIES = load_remedies()


def rule(rule_id: str, category: str, **fields: Any) -> Rule:
    spec = {"id": rule_id, "category": category, "title": "标题", "criterion": "判据", "detect": {"say": ["词"]}}
    return Rule.model_validate(spec | fields)


def draft(*findings: Finding, rules: tuple[Rule, ...] = ()) -> tuple[Ticket, ...]:
    return draft_tickets("C-1", findings, rules={r.id: r for r in rules}, remedies=REMEDIES, now=NOW)


@pytest.mark.parametrize(("severity", "hours"), [("critical", 24), ("major", 72), ("minor", 168)])
def test_the_due_time_counts_from_the_judgment_by_severity(severity: str, hours: int) -> None:
    (ticket,) = draft(finding("rude_service", severity=Severity(severity)))
    assert ticket.due_at == NOW + timedelta(hours=hours)
    assert ticket.severity == severity


@pytest.mark.parametrize("slug", sorted(taxonomy().categories))
def test_owner_remedy_and_wording_of_every_category_are_the_approved_ones(slug: str) -> None:
    (ticket,) = draft(finding(slug))
    approved = REMEDIES.categories[slug]
    assert (ticket.owner_role, ticket.remedy, ticket.right_wording) == (
        approved.owner,
        approved.remedy,
        approved.right_wording,
    )
    assert ticket.state is TicketState.DRAFT
    assert taxonomy().categories[slug].zh in ticket.title


def test_several_rules_of_one_category_make_one_ticket_with_all_their_findings() -> None:
    first = finding("rude_service", rule_id="t.a", turns=(3,), quotes=(quote(3, "你爱办不办"),))
    second = finding("rude_service", rule_id="t.b", turns=(1,), quotes=(quote(1, "听不懂吗"),))
    other = finding("threat_violence", turns=(5,))
    worst, rude = draft(first, second, other)
    assert worst.category == "threat_violence"
    assert rude.finding_ids == (second.finding_id, first.finding_id)
    assert [q.text for q in rude.evidence] == ["听不懂吗", "你爱办不办"]
    assert "第 1 轮" in rude.what_happened
    assert "第 3 轮" in rude.what_happened


def test_the_worst_severity_of_a_category_sets_title_and_due_time() -> None:
    minor = finding("rude_service", rule_id="t.a", severity=Severity.MINOR, confidence=0.9)
    major = finding("rude_service", rule_id="t.b", severity=Severity.MAJOR, confidence=0.1)
    (ticket,) = draft(minor, major)
    assert ticket.severity is Severity.MAJOR
    assert ticket.due_at == NOW + timedelta(hours=72)


@pytest.mark.parametrize("outcome", [Outcome.UNDETERMINED, Outcome.COMPLIANT, Outcome.NOT_APPLICABLE])
def test_only_a_violation_makes_a_ticket(outcome: Outcome) -> None:
    assert draft(finding("rude_service", outcome)) == ()


def test_the_rules_own_remedy_and_wording_come_before_the_categorys() -> None:
    own = rule("t.a", "rude_service", remedy=("专门的整改",), right_wording="专门的说法")
    (ticket,) = draft(finding("rude_service", rule_id="t.a"), rules=(own,))
    assert (ticket.remedy, ticket.right_wording) == (("专门的整改",), "专门的说法")


def test_a_rule_with_wording_alone_keeps_the_categorys_remedy() -> None:
    own = rule("t.a", "rude_service", right_wording="专门的说法")
    (ticket,) = draft(finding("rude_service", rule_id="t.a"), rules=(own,))
    assert (ticket.remedy, ticket.right_wording) == (REMEDIES.categories["rude_service"].remedy, "专门的说法")


def test_the_rule_that_is_most_often_right_speaks_for_the_ticket() -> None:
    rules = tuple(rule(name, "rude_service", right_wording=name) for name in ("t.low", "t.high"))
    findings = [finding("rude_service", rule_id="t.low", confidence=0.4)]
    findings.append(finding("rude_service", rule_id="t.high", confidence=0.9))
    assert draft(*findings, rules=rules)[0].right_wording == "t.high"


def test_evidence_is_shown_once_and_bounded_and_clauses_are_shown_once() -> None:
    many = tuple(quote(n, "听不懂吗") for n in range(MAX_EVIDENCE + 3))
    twins = [
        finding("rude_service", rule_id=name, quotes=many, citations=(citation("a#1"), citation("a#2")))
        for name in ("t.a", "t.b")
    ]
    (ticket,) = draft(*twins)
    assert ticket.evidence == many[:MAX_EVIDENCE]
    assert [c.clause_id for c in ticket.citations] == ["a#1", "a#2"]


def test_an_omission_says_where_it_was_due_and_what_was_not_found() -> None:
    proof = OmissionProof(due="成交之前", searched=(0, 9), searched_for="风险提示")
    (ticket,) = draft(finding("risk_disclosure_missing", omission=proof))
    assert "应在成交之前" in ticket.what_happened
    assert "未找到风险提示" in ticket.what_happened


def test_a_process_fault_names_the_wrong_steps_only() -> None:
    steps = (
        FlowStep(step="who", zh="表明身份", state="done", turn=0),
        FlowStep(step="check", zh="核对本人", state="missing"),
        FlowStep(step="debt", zh="告知欠款", state="out_of_order", turn=2),
    )
    (ticket,) = draft(finding("process_order", steps=steps))
    assert "核对本人缺失" in ticket.what_happened
    assert "告知欠款次序不对" in ticket.what_happened
    assert "表明身份" not in ticket.what_happened


@pytest.mark.parametrize(
    "shape",
    [{}, {"turns": (1,)}, {"steps": (FlowStep(step="a", zh="核对本人", state="missing"),)}],
    ids=["bare", "turns", "steps"],
)
def test_a_ticket_holds_no_word_that_a_model_wrote(shape: dict[str, Any]) -> None:
    said = "规则的理由模型：请立即给客户转账"
    (ticket,) = draft(finding("process_order", origin=Origin.MODEL, rationale=said, **shape))
    assert "转账" not in ticket.model_dump_json()
    assert ticket.origin == "template"


def test_a_fault_keeps_its_ticket_when_the_call_is_judged_again_under_other_rules() -> None:
    one, other = finding("rude_service", rule_id="t.a"), finding("rude_service", rule_id="t.b")
    assert draft(one)[0].ticket_id == draft(one, other)[0].ticket_id
    assert draft(one)[0].ticket_id != draft(finding("no_soothing"))[0].ticket_id


def test_findings_of_one_category_with_different_severities_still_make_one_ticket() -> None:
    """Another category in between, by severity, must not split them."""
    findings = [
        finding("rude_service", rule_id="t.a", severity=Severity.CRITICAL),
        finding("misinformation", severity=Severity.MAJOR),
        finding("rude_service", rule_id="t.b", severity=Severity.MINOR),
    ]
    assert [(t.category, len(t.finding_ids)) for t in draft(*findings)] == [("rude_service", 2), ("misinformation", 1)]


def test_a_calculation_says_what_it_found() -> None:
    (ticket,) = draft(finding("contact_time_frequency", origin=Origin.ARITHMETIC, rationale="本通：23:30 拨打。"))
    assert "23:30 拨打" in ticket.what_happened
