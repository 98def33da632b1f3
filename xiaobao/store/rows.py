"""From a judged call to the bytes and rows that are stored; done before the write lock is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from xiaobao.domain import Judgment, Ticket, Transcript
from xiaobao.domain.judgment import Provenance
from xiaobao.store.schema import utc_text


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """One call with all that was concluded about it, to be stored in one piece.

    Args:
        content_sha256: hash of the record as intake understood it; the same call_id with another hash is a conflict.
        notes: what intake repaired or could not map, in Chinese; kept beside the transcript.
        document: `judgment.model_dump_json()` as bytes, where the caller has it already; must be the full judgment.
        transcript_json: `transcript.model_dump_json()` as bytes, likewise.
        item: 0-based place of the record in its batch; needed when `save` is given a batch.
        file, line: where the record came from (line 1-based), for the list of rejected records.
    """

    transcript: Transcript
    content_sha256: str
    judgment: Judgment
    tickets: tuple[Ticket, ...] = ()
    notes: tuple[str, ...] = ()
    document: bytes | None = None
    transcript_json: bytes | None = None
    item: int | None = None
    file: str = ""
    line: int | None = None

    def __post_init__(self) -> None:
        call_id = self.transcript.call_id
        if self.judgment.call_id != call_id or any(ticket.call_id != call_id for ticket in self.tickets):
            raise ValueError(f"judgment or ticket of another call than {call_id!r}")


@dataclass(slots=True)
class Prepared:
    """Serialised and hashed; only the numbers that the database hands out are missing."""

    source: JudgedCall
    call: dict[str, Any]
    call_payload: str
    judgment: dict[str, Any]
    judgment_payload: str
    provenance: dict[str, Any]
    findings: list[dict[str, Any]]
    signals: list[dict[str, Any]]
    tickets: list[tuple[dict[str, Any], str]]
    """Ticket row and the SHA-256 of its document."""


def prepare(source: JudgedCall) -> Prepared:
    """Serialise one call.

    Raises:
        ValueError: it holds what cannot be stored (a NUL in an id, a lone surrogate, two findings of one id).
    """
    transcript, verdict = source.transcript, source.judgment
    transcript_json = source.transcript_json or transcript.model_dump_json().encode()
    document = source.document or verdict.model_dump_json().encode()
    provenance = provenance_row(verdict.provenance)
    started = transcript.started_at
    offset = started.utcoffset() if started is not None else None
    call = {
        "call_id": transcript.call_id,
        "content_sha256": source.content_sha256,
        "business": transcript.business.value,
        "channel": transcript.channel.value,
        "direction": transcript.direction.value,
        "agent_id": transcript.agent.id,
        "agent_team": transcript.agent.team,
        "customer_id": transcript.customer.id,
        "started_at": None if started is None else utc_text(started),
        "started_offset_min": None if offset is None else round(offset.total_seconds() / 60),
        "turn_count": len(transcript.turns),
        "transcript": transcript_json,
        "notes": orjson.dumps(source.notes),
    }
    for name in ("call_id", "agent_id", "agent_team", "customer_id"):
        text = call[name]
        # PostgreSQL has no NUL in text; refusing it everywhere keeps the two databases alike.
        if text is not None and "\0" in text:
            raise ValueError(f"{name} 含空字符 (NUL)")
    if len({finding.finding_id for finding in verdict.findings}) != len(verdict.findings):
        raise ValueError("finding_id 重复")
    return Prepared(
        source=source,
        call=call,
        call_payload=sha256(transcript_json).hexdigest(),
        judgment={
            "call_id": transcript.call_id,
            "judged_at": utc_text(verdict.judged_at),
            "transcript_sha256": verdict.provenance.transcript_sha256,
            "provenance_sha256": provenance["provenance_sha256"],
            "total": verdict.score.total,
            "auto_fail": verdict.score.auto_fail,
            "needs_review": verdict.needs_review,
            "document": document,
        },
        judgment_payload=sha256(document).hexdigest(),
        provenance=provenance,
        findings=[
            {
                "finding_id": finding.finding_id,
                "rule_id": finding.rule_id,
                "category": finding.category,
                "outcome": finding.outcome.value,
                "severity": finding.severity.value,
                "origin": finding.origin.value,
                "confidence": finding.confidence,
                "turns": orjson.dumps(finding.turns).decode(),
            }
            for finding in verdict.findings
        ],
        signals=[
            {
                "position": position,
                "signal": hit.signal,
                "rule_id": hit.rule_id,
                "turns": orjson.dumps(hit.turns).decode(),
            }
            for position, hit in enumerate(verdict.signals)
        ],
        tickets=[_ticket(ticket) for ticket in source.tickets],
    )


def provenance_row(provenance: Provenance) -> dict[str, Any]:
    """By what a call was judged, without the call; the order of the prompts makes no difference."""
    parts = {
        "ruleset": provenance.ruleset,
        "models": [[model.role, model.name, model.sha256] for model in provenance.models],
        "prompts": provenance.prompts,
        "kb_snapshot": provenance.kb_snapshot,
        # A fixed program can judge otherwise with the same rules: that is another judgment, not the same one again.
        "product_version": provenance.product_version,
    }
    canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return {
        "provenance_sha256": sha256(canonical).hexdigest(),
        "ruleset": provenance.ruleset,
        "models": orjson.dumps(parts["models"]).decode(),
        "prompts": orjson.dumps(provenance.prompts, option=orjson.OPT_SORT_KEYS).decode(),
        "kb_snapshot": provenance.kb_snapshot,
        "product_version": provenance.product_version,
    }


def _ticket(ticket: Ticket) -> tuple[dict[str, Any], str]:
    document = ticket.model_dump_json().encode()
    row = {
        "ticket_id": ticket.ticket_id,
        "call_id": ticket.call_id,
        "category": ticket.category,
        "severity": ticket.severity.value,
        "owner_role": str(ticket.owner_role),
        "due_at": utc_text(ticket.due_at),
        "state": ticket.state.value,
        "document": document,
    }
    return row, sha256(document).hexdigest()


def event_sha256(event: Mapping[str, Any]) -> str:
    """Payload hash of one change of a ticket's state (a row of `ticket_event`)."""
    body = {name: event[name] for name in ("ticket_id", "position", "actor", "state", "note")}
    return sha256(orjson.dumps(body | {"at": utc_text(event["at"])}, option=orjson.OPT_SORT_KEYS)).hexdigest()
