"""Asks the chat model about every suspicion, and weighs its answer against the rule's.

What the answers may do: a model confirms, doubts, or fails; it can neither silently clear what a rule has
found nor create a finding without proof. Whatever it says in disagreement ends as `undetermined` and goes to a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.judge import ClauseText, VerifyCase, WindowTurn, verify
from graphs.review_state import Answer, Normalised, ReviewContext, ReviewState, Screened
from xiaobao import checks
from xiaobao.domain import Check, Citation, Finding, Kind, Origin, Outcome, Quote, taxonomy
from xiaobao.domain.rule import PARTIES
from xiaobao.errors import ModelError
from xiaobao.findings import distinct_quotes
from xiaobao.privacy import mask_text
from xiaobao.rules.verdict import RuleVerdict

BEFORE, AFTER = 4, 2
"""Turns of context around the turns a rule points at."""
MAX_WINDOW = 60
"""Turns shown at most: an omission is looked for in the turns before it was due, nearest first."""
FACTS_ZH = {
    "context.product": "产品",
    "context.product_type": "产品类型",
    "context.product_risk": "产品风险等级",
    "customer.risk_level": "客户风险等级",
    "customer.age_band": "客户年龄段",
    "context.callee_relation": "接听人与债务人的关系",
    "context.kb_fact": "知识库答案",
}


async def ask_model(state: ReviewState, context: ReviewContext) -> list[dict[str, Answer]]:
    """Answers for every hit that words decide; what metadata decides by arithmetic is never asked."""
    limit = asyncio.Semaphore(context.chat_concurrency)

    async def one(call: Normalised, verdict: RuleVerdict, clauses: Sequence[Citation]) -> tuple[str, Answer]:
        async with limit:
            return verdict.rule.spec.id, await _ask(call, verdict, clauses, context)

    async def all_of(call: Normalised, found: Screened, passages: dict[str, tuple[Citation, ...]]) -> dict[str, Answer]:
        asked = [v for v in found.verdicts if v.state in ("hit", "unknown") and not v.rule.arithmetic]
        return dict(await asyncio.gather(*(one(call, v, passages[v.rule.spec.id]) for v in asked)))

    calls = zip(state["normalised"], state["screened"], state["passages"], strict=True)
    return list(await asyncio.gather(*(all_of(*parts) for parts in calls)))


async def _ask(call: Normalised, verdict: RuleVerdict, clauses: Sequence[Citation], context: ReviewContext) -> Answer:
    assert context.chat is not None
    try:
        reply = await verify(
            verify_case(call, verdict, clauses), model=context.chat, deadline_s=context.chat_deadline_s
        )
    except ModelError as exc:
        return Answer(None, _problem(exc))
    return Answer(reply)


def _problem(exc: ModelError) -> str:
    return {
        "model_timeout": "模型未在时限内回答",
        "model_unavailable": "模型不可用",
        "model_output_invalid": "模型回答不合格式",
    }.get(exc.code, "模型调用失败")


def verify_case(call: Normalised, verdict: RuleVerdict, clauses: Sequence[Citation]) -> VerifyCase:
    """What the model is shown: masked turns around the suspicion, the rule, the clauses and the facts that matter."""
    rule, transcript = verdict.rule.spec, call.case.transcript
    assert rule.category is not None
    window = _window(verdict, len(transcript.turns))
    facts = {
        zh: mask_text(str(value)) for path, zh in FACTS_ZH.items() if (value := _fact(transcript, path)) is not None
    }
    return VerifyCase(
        call_id=transcript.call_id,
        rule_id=rule.id,
        rule_title=rule.title,
        criterion=rule.criterion,
        category=taxonomy().categories[rule.category].zh,
        turns=tuple(WindowTurn(i, transcript.turns[i].speaker.value, call.masked.texts[i]) for i in window),
        candidates=tuple(sorted({hit.turn for hit in verdict.hits})),
        clauses=tuple(ClauseText(c.clause_id, f"{c.title}{c.article}", c.text) for c in clauses),
        facts=facts,
    )


def _window(verdict: RuleVerdict, turns: int) -> range:
    if verdict.omission is not None:
        first, last = verdict.omission.searched
        return range(max(first, last - MAX_WINDOW), last)
    if not verdict.hits:
        return range(min(turns, MAX_WINDOW))
    first, last = verdict.hits[0].turn, verdict.hits[-1].turn
    start = max(0, first - BEFORE)
    return range(start, min(turns, last + AFTER + 1, start + MAX_WINDOW))


def _fact(transcript: object, path: str) -> object | None:
    value: object | None = transcript
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value


def reconcile(
    finding: Finding, answer: Answer, verdict: RuleVerdict, call: Normalised, clauses: Sequence[Citation]
) -> tuple[Finding, list[Check]]:
    """The finding after the model's answer, and the checks that the answer adds."""
    reply = answer.reply
    if reply is None:
        # Never read a silent or broken model as "no violation" — nor as confirmation of the rule.
        return _doubtful(finding, answer.problem or ""), [checks.model_answered(answer.problem)]
    added = [checks.model_answered(None)]
    if reply.outcome is Outcome.UNDETERMINED:
        return _doubtful(finding, f"模型认为无法判定：{reply.reason}"), added
    if reply.outcome is Outcome.VIOLATED:
        return _confirmed(finding, reply.turns, reply.quote, reply.clause_id, reply.reason, verdict, call), [
            *added,
            checks.judges_agree(Outcome.VIOLATED, Outcome.VIOLATED),
        ]
    if verdict.rule.spec.verdict == "decisive":
        return finding, [*added, checks.judges_agree(Outcome.VIOLATED, reply.outcome)]
    if reply.outcome is Outcome.COMPLIANT and not reply.quote:
        return _doubtful(finding, "模型认为合规，但引不出原话"), added
    cleared = finding.model_copy(
        update={
            "outcome": reply.outcome,
            "origin": Origin.MODEL,
            "undetermined_reason": None,
            "rationale": f"{finding.rationale}模型：{reply.reason}",
        }
    )
    # Text that tries to steer the judge can raise a review, never earn a clearance.
    return cleared, [*added, checks.untampered(reply.manipulation)]


def _doubtful(finding: Finding, why: str) -> Finding:
    return finding.model_copy(update={"outcome": Outcome.UNDETERMINED, "undetermined_reason": why})


def _confirmed(
    finding: Finding,
    turns: Sequence[int],
    quote: str,
    clause_id: str,
    reason: str,
    verdict: RuleVerdict,
    call: Normalised,
) -> Finding:
    """Violated by rule and model: the model's quote is added where it maps back to a raw turn of the bound party."""
    assert verdict.rule.spec.category is not None
    commission = taxonomy().categories[verdict.rule.spec.category].kind is Kind.COMMISSION
    speakers = PARTIES[verdict.rule.spec.binds]
    mine = [turn for turn in turns if call.case.transcript.turns[turn].speaker in speakers]
    quotes = [*finding.quotes, *_raw_quotes(call, mine, quote)] if commission else list(finding.quotes)
    kept = distinct_quotes(quotes)
    cited = sorted(finding.citations, key=lambda citation: citation.clause_id != clause_id)
    return finding.model_copy(
        update={
            "outcome": Outcome.VIOLATED,
            "origin": Origin.MODEL,
            "undetermined_reason": None,
            "turns": tuple(sorted({*finding.turns, *(q.turn for q in kept)})) if commission else (),
            "quotes": kept,
            "citations": tuple(cited),
            "rationale": f"{finding.rationale}模型：{reason}",
        }
    )


def _raw_quotes(call: Normalised, turns: Sequence[int], quote: str) -> list[Quote]:
    """The model's quote, found in the masked turn and mapped back to the raw one."""
    for turn in turns:
        start = call.masked.texts[turn].find(quote) if quote else -1
        raw = call.masked.to_raw(turn, start, start + len(quote)) if start >= 0 else None
        if raw is not None and raw[0] < raw[1]:
            text = call.case.transcript.turns[turn].text[raw[0] : raw[1]]
            return [Quote(turn=turn, text=text, start=raw[0], end=raw[1])]
    return []
