"""The review graph: normalise → screen → retrieve → verify → check → score → act → store (docs/architecture.md).

`screen` holds arithmetic and rules. `verify` is entered only when a chat model is configured and something was
screened; otherwise the rules' own verdicts stand and every finding says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal
from zoneinfo import ZoneInfo

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

import xiaobao
from agents.remediation import draft_tickets
from graphs.review_state import (
    Answer,
    Case,
    Normalised,
    ReviewContext,
    Reviewed,
    ReviewInput,
    ReviewState,
    Screened,
)
from graphs.verification import ask_model, reconcile
from xiaobao import checks
from xiaobao.domain import Finding, Judgment, Kind, ModelRef, Origin, Outcome, Provenance, Transcript, Usage, taxonomy
from xiaobao.findings import absorb, signal
from xiaobao.identity import content_sha256
from xiaobao.privacy import mask
from xiaobao.rules.arithmetic import DEFAULT_ZONE
from xiaobao.rules.engine import call_day
from xiaobao.store.judgments import JudgedCall

_TO_JSON = Transcript.__pydantic_serializer__.to_json  # a third cheaper than model_dump_json, which only wraps it
SHANGHAI = ZoneInfo(DEFAULT_ZONE)


async def normalise(state: ReviewInput, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `cases`; writes `normalised`."""
    context = runtime.context
    started = time.perf_counter()
    transcripts = [case.transcript for case in state["cases"]]
    history = context.find_history(transcripts) if context.find_history else {}
    today = context.now().astimezone(SHANGHAI).date()
    normalised: list[Normalised] = []
    for case in state["cases"]:
        document = _TO_JSON(case.transcript)
        normalised.append(
            Normalised(
                case=case,
                masked=mask(case.transcript),
                transcript_json=document,
                sha256=content_sha256(document),
                day=call_day(case.transcript) or today,
                history=tuple(history.get(case.transcript.call_id, ())),
            )
        )
    return {"normalised": normalised, "started": started}


async def screen(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `normalised`; writes `screened`: arithmetic and rules over every turn of every call."""
    context = runtime.context
    screened: list[Screened] = []
    for call in state["normalised"]:
        view, verdicts = context.rules.judge(
            call.case.transcript, history=call.history, every_rule=context.every_outcome
        )
        screened.append(
            Screened(
                view=view,
                verdicts=tuple(v for v in verdicts if not v.rule.is_signal),
                signals=tuple(signal(v, view) for v in verdicts if v.rule.is_signal and v.state == "hit"),
            )
        )
    return {"screened": screened}


async def retrieve(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `normalised`, `screened`; writes `passages`: each suspicion's clauses in force on the day of the call.

    With a model to read them, they are ranked by what was said (hybrid search); without one, the rule's order is kept.
    """
    context = runtime.context
    passages: list[dict[str, Any]] = []
    for call, found in zip(state["normalised"], state["screened"], strict=True):
        mine: dict[str, Any] = {}
        for verdict in found.verdicts:
            if verdict.state not in ("hit", "unknown"):
                continue
            clauses = context.factory.citations(verdict.rule.spec, call.day)
            if context.chat is not None and context.rank_clauses is not None and len(clauses) > 1:
                said = " ".join(found.view.quote(hit).text for hit in verdict.hits[:2])
                clauses = context.rank_clauses(f"{verdict.rule.spec.title} {said}".strip(), clauses, call.day)
            mine[verdict.rule.spec.id] = clauses
        passages.append(mine)
    return {"passages": passages}


def needs_model(state: ReviewState, runtime: Runtime[ReviewContext]) -> Literal["verify", "check"]:
    """A model is asked only when there is one and something was screened."""
    return "verify" if runtime.context.chat is not None and any(state["passages"]) else "check"


async def verify(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `normalised`, `screened`, `passages`; writes `answers`. A failure is an answer that counts for nothing."""
    return {"answers": await ask_model(state, runtime.context)}


async def check(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads everything so far; writes `findings`, each with its run-time checks."""
    context = runtime.context
    answers = state.get("answers") or [{} for _ in state["normalised"]]
    findings: list[list[Finding]] = []
    for call, found, passages, said in zip(
        state["normalised"], state["screened"], state["passages"], answers, strict=True
    ):
        mine: list[Finding] = []
        for verdict in found.verdicts:
            rule = verdict.rule.spec
            finding = context.factory.finding(verdict, call.case.transcript, found.view, call.day)
            proofs = _proofs(finding, rule.cites, rule.binds, call.case.transcript)
            if rule.id in said:
                finding, more = reconcile(finding, said[rule.id], verdict, call, passages[rule.id])
                proofs = [*_proofs(finding, rule.cites, rule.binds, call.case.transcript), *more]
            mine.append(checks.settle(finding, proofs))
        findings.append(absorb(mine))
    return {"findings": findings}


def _proofs(finding: Finding, cites: tuple[str, ...], binds: Any, transcript: Transcript) -> list[Any]:
    """The checks that need no model."""
    if finding.outcome in (Outcome.COMPLIANT, Outcome.NOT_APPLICABLE):
        return [checks.quote_verbatim(transcript, finding.quotes, needed=False)]
    return [
        checks.quote_verbatim(transcript, finding.quotes, needed=_needs_words(finding)),
        checks.speaker_bound(transcript, finding.turns, binds),
        checks.clause_of_rule(finding.citations, cites),
        checks.clause_in_force(finding.citations),
    ]


def _needs_words(finding: Finding) -> bool:
    """A commission is proven by the words that commit it; an omission by where they were looked for."""
    return taxonomy().categories[finding.category].kind is Kind.COMMISSION


async def score(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `normalised`, `findings`; writes `scores`."""
    card = runtime.context.scorecard
    pairs = zip(state["normalised"], state["findings"], strict=True)
    return {"scores": [card.score(call.case.transcript, findings) for call, findings in pairs]}


async def act(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads everything; writes `tickets` and `reviewed`: the drafted tickets and the finished judgments."""
    context = runtime.context
    now = context.now()
    ms = (time.perf_counter() - state["started"]) * 1000 / max(1, len(state["cases"]))
    answers = state.get("answers") or [{} for _ in state["normalised"]]
    specs = context.rules.specs
    tickets, reviewed = [], []
    for call, found, findings, total, said in zip(
        state["normalised"], state["screened"], state["findings"], state["scores"], answers, strict=True
    ):
        transcript = call.case.transcript
        drafts = draft_tickets(transcript.call_id, findings, rules=specs, remedies=context.remedies, now=now)
        replies = [answer.reply for answer in said.values() if answer.reply is not None]
        reasons = _review_reasons(findings, [sign for reply in replies for sign in reply.manipulation])
        judgment = Judgment(
            call_id=transcript.call_id,
            judged_at=now,
            findings=tuple(findings),
            signals=found.signals,
            score=total,
            tickets=tuple(ticket.ticket_id for ticket in drafts),
            needs_review=bool(reasons),
            review_reasons=reasons,
            provenance=Provenance(
                ruleset=context.rules.revision,
                models=_models(context, said.values()),
                prompts=context.prompts,
                kb_snapshot=context.kb_snapshot,
                transcript_sha256=call.sha256,
                product_version=xiaobao.__version__,
            ),
            usage=Usage(
                prompt_tokens=sum(reply.usage.prompt_tokens for reply in replies),
                completion_tokens=sum(reply.usage.completion_tokens for reply in replies),
                ms=round(ms, 3),
            ),
        )
        tickets.append(drafts)
        reviewed.append(Reviewed(call.case, _judged_call(call, judgment, drafts)))
    return {"tickets": tickets, "reviewed": reviewed}


def _models(context: ReviewContext, answers: Iterable[Answer]) -> tuple[ModelRef, ...]:
    """Who judged. A model that failed is named as such, so that judging again after an outage is a new judgment."""
    if any(answer.reply is None for answer in answers):
        return tuple(model.model_copy(update={"role": f"{model.role}_failed"}) for model in context.models)
    return context.models


def _judged_call(call: Normalised, judgment: Judgment, tickets: tuple[Any, ...]) -> JudgedCall:
    case: Case = call.case
    return JudgedCall(
        transcript=case.transcript,
        content_sha256=call.sha256,
        judgment=judgment,
        tickets=tickets,
        notes=case.notes,
        document=Judgment.__pydantic_serializer__.to_json(judgment),
        transcript_json=call.transcript_json,
        item=case.item,
        file=case.file,
        line=case.line,
    )


def _review_reasons(findings: list[Finding], signs: list[str]) -> tuple[str, ...]:
    """Why a person must look at this call."""
    reasons = [
        f"{f.rule_title}：{f.undetermined_reason or '无法判定'}" for f in findings if f.outcome is Outcome.UNDETERMINED
    ]
    if signs:
        reasons.append("通话中有试图影响判读的内容：" + "、".join(dict.fromkeys(signs)))
    if any(f.outcome is Outcome.VIOLATED and f.severity == "critical" and f.origin is Origin.RULE for f in findings):
        reasons.append("严重违规由规则单独认定，处理前请人工确认")
    return tuple(dict.fromkeys(reasons))


async def store(state: ReviewState, runtime: Runtime[ReviewContext]) -> dict[str, Any]:
    """Reads `reviewed`; writes `saved`. One transaction for the chunk: judgments, findings, tickets and audit rows."""
    context = runtime.context
    if context.store is None:
        return {"saved": None}
    batch = [reviewed.judged for reviewed in state["reviewed"]]
    return {"saved": context.store.save(batch, batch_id=context.batch_id)}


def build_review_graph() -> Any:
    """The compiled graph; call with `{"cases": […]}` and a `ReviewContext`."""
    graph = StateGraph(ReviewState, context_schema=ReviewContext, input_schema=ReviewInput)
    for node in (normalise, screen, retrieve, verify, check, score, act, store):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "normalise")
    graph.add_edge("normalise", "screen")
    graph.add_edge("screen", "retrieve")
    graph.add_conditional_edges("retrieve", needs_model)
    graph.add_edge("verify", "check")
    graph.add_edge("check", "score")
    graph.add_edge("score", "act")
    graph.add_edge("act", "store")
    graph.add_edge("store", END)
    return graph.compile()
