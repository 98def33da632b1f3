"""Drafts a remediation ticket from findings that passed their checks. Code writes it from rules and approved texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from xiaobao.domain import Finding, Origin, Outcome, Ticket, taxonomy
from xiaobao.domain.remedy import RemedyBook
from xiaobao.domain.rule import Rule
from xiaobao.identity import short_id

MAX_EVIDENCE = 8
"""Quotes shown in a ticket; the call itself has them all."""
_STEP_ZH = {"missing": "缺失", "out_of_order": "次序不对"}


def draft_tickets(
    call_id: str, findings: Sequence[Finding], *, rules: Mapping[str, Rule], remedies: RemedyBook, now: datetime
) -> tuple[Ticket, ...]:
    """One ticket a violated category: several rules that prove the same fault ask for the same remedy once.

    Args:
        rules: rule id → rule, for its own remedy and wording where it has one.
        now: when the judgment was made; the due time counts from it.
    """
    violated = [finding for finding in findings if finding.outcome is Outcome.VIOLATED]
    by_category: dict[str, list[Finding]] = {}
    for finding in sorted(violated, key=lambda f: (f.severity.rank, f.turns, f.rule_id)):
        by_category.setdefault(finding.category, []).append(finding)
    return tuple(_draft(call_id, category, group, rules, remedies, now) for category, group in by_category.items())


def _draft(
    call_id: str,
    category: str,
    findings: Sequence[Finding],
    rules: Mapping[str, Rule],
    remedies: RemedyBook,
    now: datetime,
) -> Ticket:
    name = taxonomy().categories[category].zh
    approved = remedies.categories[category]
    worst = min((f.severity for f in findings), key=lambda severity: severity.rank)
    # The rule that is most often right speaks for the ticket; the remedies of all would repeat each other.
    lead = rules.get(max(findings, key=lambda f: f.confidence).rule_id)
    remedy = (lead.remedy if lead else ()) or approved.remedy
    wording = (lead.right_wording if lead else "") or approved.right_wording
    return Ticket(
        ticket_id=short_id("T", call_id, category),  # judged again under other rules, the fault is still the same
        call_id=call_id,
        category=category,
        severity=worst,
        finding_ids=tuple(f.finding_id for f in findings),
        title=f"【{worst.zh}】{name}",
        what_happened="\n".join(_what_happened(f) for f in findings),
        evidence=tuple({(q.turn, q.start): q for f in findings for q in f.quotes}.values())[:MAX_EVIDENCE],
        citations=tuple({c.clause_id: c for f in findings for c in f.citations}.values()),
        remedy=remedy,
        right_wording=wording,
        owner_role=approved.owner,
        due_at=now + timedelta(hours=remedies.due_hours[worst]),
    )


def _what_happened(finding: Finding) -> str:
    if finding.turns:
        return f"{finding.rule_title}：第 {'、'.join(map(str, finding.turns))} 轮。"
    if finding.omission is not None:
        return f"{finding.rule_title}：应在{finding.omission.due}，通话中未找到{finding.omission.searched_for}。"
    faults = "、".join(f"{step.zh}{_STEP_ZH[step.state]}" for step in finding.steps if step.state in _STEP_ZH)
    if faults:
        return f"{finding.rule_title}：{faults}。"
    # A calculation has nothing to point at but its own words; those of a model stay out.
    return f"{finding.rule_title}。" if finding.origin is Origin.MODEL else f"{finding.rule_title}：{finding.rationale}"
