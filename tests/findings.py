"""Findings to score, settle, absorb and draft tickets from; valid, and distinct by rule id."""

from __future__ import annotations

from typing import Any

from xiaobao.domain import Citation, Finding, Origin, Outcome, Quote, taxonomy
from xiaobao.identity import short_id


def quote(turn: int, text: str, start: int = 0) -> Quote:
    return Quote(turn=turn, text=text, start=start, end=start + len(text))


def citation(clause_id: str, *, in_force: bool = True) -> Citation:
    return Citation(
        clause_id=clause_id, title="某办法", article="第一条", in_force=in_force, text_origin="summary", text="摘要"
    )


def finding(category: str, outcome: Outcome = Outcome.VIOLATED, rule_id: str = "", **fields: Any) -> Finding:
    """A finding of `category` with its own severity."""
    rule_id = rule_id or f"t.{category}"
    base: dict[str, Any] = {
        "finding_id": short_id("F", rule_id),
        "rule_id": rule_id,
        "rule_title": f"标题 {rule_id}",
        "category": category,
        "outcome": outcome,
        "severity": taxonomy().categories[category].severity,
        "rationale": "规则的理由",
        "origin": Origin.RULE,
        "confidence": 0.5,
    }
    return Finding(**(base | fields))
