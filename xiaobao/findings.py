"""From what a rule says to a finding with its proof: quotes, clauses in force that day, rationale, confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from xiaobao.domain import Citation, Finding, Kind, Origin, Outcome, Quote, Severity, SignalHit, Transcript, taxonomy
from xiaobao.domain.rule import Rule
from xiaobao.identity import short_id
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.verdict import RuleVerdict
from xiaobao.rules.view import CallView

MAX_CITATIONS = 3
"""Clauses shown with a finding: the most direct ones; the rule names them all."""
UNMEASURED = 0.5
"""Confidence of a rule that has never fired on labelled calls."""


class ClauseSource(Protocol):
    """Where citations come from (`kb.clauses.ClauseBook`)."""

    def cite(self, clause_id: str, day: date) -> Citation: ...


class FindingFactory:
    """Builds findings of one rule set; citations of a rule on a day are looked up once."""

    def __init__(self, rules: RuleSet, clauses: ClauseSource, confidence: Mapping[str, float]) -> None:
        self._rules = rules
        self._clauses = clauses
        self._confidence = confidence
        self._cited: dict[tuple[str, date], tuple[Citation, ...]] = {}

    def citations(self, rule: Rule, day: date) -> tuple[Citation, ...]:
        """The rule's clauses in force on `day`, in the rule's order; where none is, the first as it stands."""
        key = (rule.id, day)
        found = self._cited.get(key)
        if found is None:
            every = [self._clauses.cite(clause_id, day) for clause_id in rule.cites]
            found = tuple(c for c in every if c.in_force)[:MAX_CITATIONS] or tuple(every[:1])
            self._cited[key] = found
        return found

    def finding(self, verdict: RuleVerdict, transcript: Transcript, view: CallView, day: date) -> Finding:
        """The finding before its checks; a candidate rule alone determines nothing."""
        rule = verdict.rule.spec
        assert rule.category is not None
        kind = taxonomy().categories[rule.category].kind
        hits = verdict.hits
        outcome, why = self._outcome(verdict)
        turns = tuple(sorted({hit.turn for hit in hits})) if kind is Kind.COMMISSION else ()
        quotes = distinct_quotes([view.quote(hit) for hit in hits])
        return Finding(
            finding_id=short_id("F", transcript.call_id, rule.id, self._rules.revision),
            rule_id=rule.id,
            rule_title=rule.title,
            category=rule.category,
            outcome=outcome,
            severity=verdict.rule.severity,
            turns=turns,
            quotes=quotes,
            citations=self.citations(rule, day),
            rationale=rationale(verdict),
            origin=Origin.ARITHMETIC if verdict.rule.arithmetic else Origin.RULE,
            confidence=self._confidence.get(rule.id, UNMEASURED),
            undetermined_reason=why,
            omission=verdict.omission,
            steps=verdict.steps,
        )

    @staticmethod
    def _outcome(verdict: RuleVerdict) -> tuple[Outcome, str | None]:
        match verdict.state:
            case "hit" if verdict.rule.spec.verdict == "decisive":
                return Outcome.VIOLATED, None
            case "hit":
                return Outcome.UNDETERMINED, "该规则只作初筛，没有配置核验模型，需人工判定"
            case "unknown":
                return Outcome.UNDETERMINED, verdict.reason
            case "not_applicable":
                return Outcome.NOT_APPLICABLE, None
            case "clear":
                return Outcome.COMPLIANT, None


def signal(verdict: RuleVerdict, view: CallView) -> SignalHit:
    """What the customer showed, with the words that show it (none where metadata shows it)."""
    slug = verdict.rule.spec.signal
    assert slug is not None
    return SignalHit(
        signal=slug,
        turns=tuple(sorted({hit.turn for hit in verdict.hits})),
        quotes=distinct_quotes([view.quote(hit) for hit in verdict.hits]),
        rule_id=verdict.rule.spec.id,
    )


def distinct_quotes(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """Without quotes that lie inside another one of the same turn, in the order of the call."""
    kept: list[Quote] = []
    for quote in sorted(quotes, key=lambda q: (q.turn, q.start, -q.end)):
        if kept and kept[-1].turn == quote.turn and quote.end <= kept[-1].end:
            continue
        kept.append(quote)
    return tuple(kept)


def rationale(verdict: RuleVerdict) -> str:
    """Why, for a reader: what the rule asks, and what this call shows."""
    rule = verdict.rule.spec
    shown = f"本通：{verdict.reason}。" if verdict.reason else ""
    if verdict.state in ("clear", "not_applicable"):
        return shown or "规则检查了全部相关话轮，未检出。"
    return f"判据：{rule.criterion.rstrip('。')}。{shown}"


def absorb(findings: Sequence[Finding]) -> list[Finding]:
    """Apply the conventions between categories of one call.

    A turn that proves a critical fault is not also counted as rude (`rude_service` keeps only turns of its own); and a
    doubt about a category that another rule has already proven adds nothing.
    """
    proven = {f.category for f in findings if f.outcome is Outcome.VIOLATED}
    critical_turns = {
        turn for f in findings if f.outcome is Outcome.VIOLATED and f.severity is Severity.CRITICAL for turn in f.turns
    }
    kept: list[Finding] = []
    for finding in findings:
        if finding.outcome is Outcome.UNDETERMINED and finding.category in proven:
            continue
        if finding.category == "rude_service" and finding.outcome is Outcome.VIOLATED:
            turns = tuple(turn for turn in finding.turns if turn not in critical_turns)
            if not turns:
                continue
            if turns != finding.turns:
                quotes = tuple(quote for quote in finding.quotes if quote.turn in turns)
                finding = finding.model_copy(update={"turns": turns, "quotes": quotes})
        kept.append(finding)
    return kept
