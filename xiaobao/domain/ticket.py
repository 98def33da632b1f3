"""A drafted remediation ticket: made by code from checked findings, sent by a person."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime

from xiaobao.domain.base import Frozen
from xiaobao.domain.clause import Citation
from xiaobao.domain.judgment import Quote
from xiaobao.domain.remedy import OwnerRole
from xiaobao.domain.taxonomy import Severity


class TicketState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    TO_VERIFY = "to_verify"
    CLOSED = "closed"
    RETURNED = "returned"


class Ticket(Frozen):
    """What happened, the proof, the clause, what must be done, by whom and until when."""

    ticket_id: str
    call_id: str
    category: str
    severity: Severity
    finding_ids: tuple[str, ...]
    """The violated findings of this category in this call; at least one."""
    title: str
    what_happened: str
    evidence: tuple[Quote, ...]
    citations: tuple[Citation, ...]
    remedy: tuple[str, ...]
    """What must be done, one action a line."""
    right_wording: str
    """What the agent should have said in this place."""
    owner_role: OwnerRole
    due_at: AwareDatetime
    state: TicketState = TicketState.DRAFT
    origin: Literal["template", "model"] = "template"
