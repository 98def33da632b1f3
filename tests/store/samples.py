"""Judged calls to store: small, valid, and distinct by number."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from hashlib import sha256

from xiaobao.domain import (
    Agent,
    Business,
    Channel,
    Customer,
    Direction,
    Finding,
    Judgment,
    ModelRef,
    Origin,
    Outcome,
    Provenance,
    Quote,
    Score,
    Severity,
    SignalHit,
    Speaker,
    Ticket,
    Transcript,
    Turn,
    Usage,
)
from xiaobao.store.judgments import JudgedCall

STARTED = datetime(2026, 5, 12, 22, 3, tzinfo=timezone(timedelta(hours=8)))


def transcript(number: int, *, text: str = "这款产品保证不会亏损") -> Transcript:
    return Transcript(
        call_id=f"C-{number:05d}",
        channel=Channel.PHONE,
        business=Business.WEALTH if number % 2 else Business.COLLECTIONS,
        direction=Direction.OUTBOUND,
        started_at=STARTED + timedelta(minutes=number),
        agent=Agent(id=f"A{number % 3}", team="一组"),
        customer=Customer(id=f"U{number}"),
        turns=(Turn(speaker=Speaker.AGENT, text="您好"), Turn(speaker=Speaker.AGENT, text=text)),
    )


def judged_call(
    number: int,
    *,
    text: str = "这款产品保证不会亏损",
    ruleset: str = "rules-1",
    prompts: dict[str, str] | None = None,
    product_version: str = "1.0",
    needs_review: bool = False,
    item: int | None = None,
) -> JudgedCall:
    """A call with one violated and one undetermined finding, a signal and a ticket."""
    call = transcript(number, text=text)
    quote = Quote(turn=1, text=text[:4], start=0, end=4)
    findings = tuple(
        Finding(
            finding_id=f"{call.call_id}-F{position}",
            rule_id=f"wealth.rule-{position}",
            rule_title="承诺收益",
            category="guaranteed_return",
            outcome=outcome,
            severity=Severity.CRITICAL if position == 0 else Severity.MINOR,
            turns=(1,),
            quotes=(quote,),
            rationale="原话承诺不亏损",
            origin=Origin.RULE,
            confidence=0.9,
        )
        for position, outcome in enumerate((Outcome.VIOLATED, Outcome.UNDETERMINED))
    )
    ticket = Ticket(
        ticket_id=f"T-{call.call_id}",
        call_id=call.call_id,
        category="guaranteed_return",
        severity=Severity.CRITICAL,
        finding_ids=(findings[0].finding_id,),
        title="承诺收益",
        what_happened="客服承诺不亏损",
        evidence=(quote,),
        citations=(),
        remedy=("联系客户更正",),
        right_wording="过往业绩不代表未来表现",
        owner_role="supervisor",
        due_at=STARTED + timedelta(days=2),
    )
    digest = sha256(text.encode()).hexdigest()
    judgment = Judgment(
        call_id=call.call_id,
        judged_at=STARTED + timedelta(hours=1),
        findings=findings,
        signals=(SignalHit(signal="complaint_intent", turns=(0,), quotes=(), rule_id="signal.complaint"),),
        score=Score(total=80 + number % 10, auto_fail=True, scorecard="service-15@1"),
        tickets=(ticket.ticket_id,),
        needs_review=needs_review,
        provenance=Provenance(
            ruleset=ruleset,
            models=(ModelRef(role="screen", name="tiny", sha256="a" * 64),),
            prompts={"judge": "b" * 64, "screen": "c" * 64} if prompts is None else prompts,
            kb_snapshot="kb-1",
            transcript_sha256=digest,
            product_version=product_version,
        ),
        usage=Usage(),
    )
    return JudgedCall(
        call, digest, judgment, (ticket,), ("已补全时区",), item=item, file="样例.jsonl", line=(item or 0) + 1
    )
