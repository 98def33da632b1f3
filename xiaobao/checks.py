"""Run-time proofs of a finding. The same functions score offline evals, so what is measured is what is served.

A finding that fails any check becomes `undetermined` and goes to a person; it is never dropped and never "compliant".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xiaobao.domain import Check, Citation, Finding, Outcome, Quote, Speaker, Transcript
from xiaobao.domain.rule import PARTIES, Party

PASSED_QUOTES = Check(name="quote_verbatim", passed=True)
PASSED_SPEAKER = Check(name="speaker_bound", passed=True)
PASSED_CLAUSE = Check(name="clause_of_rule", passed=True)
PASSED_IN_FORCE = Check(name="clause_in_force", passed=True)


def quote_verbatim(transcript: Transcript, quotes: Sequence[Quote], *, needed: bool) -> Check:
    """Every quote is `turns[turn].text[start:end]`; with `needed`, there is at least one."""
    if needed and not quotes:
        return Check(name="quote_verbatim", passed=False, detail="没有可引用的原话")
    for quote in quotes:
        if quote.turn >= len(transcript.turns):
            return Check(name="quote_verbatim", passed=False, detail=f"第 {quote.turn} 轮不存在")
        if transcript.turns[quote.turn].text[quote.start : quote.end] != quote.text:
            return Check(name="quote_verbatim", passed=False, detail=f"引文与第 {quote.turn} 轮原文不一致")
    return PASSED_QUOTES


def speaker_bound(transcript: Transcript, turns: Sequence[int], party: Party) -> Check:
    """Every evidence turn was spoken by the party the rule binds."""
    allowed: Collection[Speaker] = PARTIES[party]
    for turn in turns:
        if turn >= len(transcript.turns) or transcript.turns[turn].speaker not in allowed:
            return Check(name="speaker_bound", passed=False, detail=f"第 {turn} 轮不是规则所约束的一方说的")
    return PASSED_SPEAKER


def clause_of_rule(citations: Sequence[Citation], cites: Sequence[str]) -> Check:
    """At least one clause is cited, and every one belongs to the rule."""
    if not citations:
        return Check(name="clause_of_rule", passed=False, detail="没有可引用的条款")
    foreign = [c.clause_id for c in citations if c.clause_id not in cites]
    if foreign:
        return Check(name="clause_of_rule", passed=False, detail=f"条款不属于该规则：{'、'.join(foreign)}")
    return PASSED_CLAUSE


def clause_in_force(citations: Sequence[Citation]) -> Check:
    """Every cited clause was in force on the day of the call."""
    late = [c.clause_id for c in citations if not c.in_force]
    if late or not citations:
        return Check(
            name="clause_in_force", passed=False, detail=f"通话当日无有效条款{'：' + '、'.join(late) if late else ''}"
        )
    return PASSED_IN_FORCE


def judges_agree(rule_says: Outcome, model_says: Outcome) -> Check:
    """Rule and model came to the same outcome; disagreement is shown, never averaged away."""
    if rule_says is model_says:
        return Check(name="judges_agree", passed=True, detail="规则与模型结论一致")
    return Check(name="judges_agree", passed=False, detail=f"规则判「{rule_says.zh}」，模型判「{model_says.zh}」")


def model_answered(problem: str | None) -> Check:
    """The model's answer came in time and had the right form."""
    return Check(name="model_answer_valid", passed=problem is None, detail=problem or "")


def untampered(signs: Sequence[str]) -> Check:
    """Nothing in the call tries to steer the judge."""
    return Check(name="untampered", passed=not signs, detail="；".join(signs))


def settle(finding: Finding, checks: Sequence[Check]) -> Finding:
    """The finding with its checks; a failed check makes it undetermined and says why."""
    failed = [check for check in checks if not check.passed]
    if not failed or finding.outcome is Outcome.UNDETERMINED:
        return finding.model_copy(update={"checks": tuple(checks)})
    reason = "；".join(check.detail or check.name for check in failed)
    return finding.model_copy(
        update={"checks": tuple(checks), "outcome": Outcome.UNDETERMINED, "undetermined_reason": reason}
    )
