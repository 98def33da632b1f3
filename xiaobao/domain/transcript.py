"""A call and its turns, as received: the raw text every quote must be a substring of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, field_validator

from xiaobao.domain.base import Frozen

MAX_TURNS = 20_000
"""Turns in one call; a ten-hour call has about 10,000. Intake refuses more and says so."""
MAX_TURN_CHARS = 200_000
"""Characters in one turn (about 13 hours of speech); intake refuses more and says so."""


class Speaker(StrEnum):
    AGENT = "agent"
    CUSTOMER = "customer"
    OTHER = "other"
    """A third person, or a role that intake could not map. No role-bound rule fires on it."""
    SYSTEM = "system"
    """IVR, notices, pop-ups."""


class Channel(StrEnum):
    PHONE = "phone"
    CHAT = "chat"
    VIDEO = "video"
    EMAIL = "email"


class Business(StrEnum):
    COLLECTIONS = "collections"
    WEALTH = "wealth"
    INSURANCE = "insurance"
    LOAN = "loan"
    CREDIT_CARD = "credit_card"
    SERVICE = "service"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Turn(Frozen):
    """What one speaker said in one go."""

    speaker: Speaker
    text: str = Field(max_length=MAX_TURN_CHARS)
    """Raw text, never repaired; character offsets everywhere count Python code points of it."""
    start: float | None = None
    """Seconds from the start of the recording."""
    end: float | None = None


class Agent(Frozen):
    """Who spoke for the institution; fields of the source beside these are kept and can be asked for by rules."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    name: str | None = None
    team: str | None = None
    org: str | None = None


class Customer(Frozen):
    """Whom the call was with; fields of the source beside these are kept and can be asked for by rules."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    age_band: str | None = None
    """E.g. `30-40`; the first number is the lower bound in years."""
    risk_level: str | None = None
    """Risk tolerance, R1 (lowest) … R5 or C1 … C5."""
    is_debtor: bool | None = None


class Transcript(Frozen):
    """One conversation.

    `context` holds free-form facts (product_risk, contacts_today, callee_relation, kb_fact …). A fact that is absent
    is unknown, never false.
    """

    call_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    channel: Channel
    business: Business
    direction: Direction
    started_at: AwareDatetime | None = None
    agent: Agent
    customer: Customer
    context: dict[str, Any] = Field(default_factory=dict)
    turns: tuple[Turn, ...] = Field(min_length=1, max_length=MAX_TURNS)

    @field_validator("started_at", mode="before")
    @classmethod
    def _keep_offset(cls, value: object) -> object:
        """Reject a naive time here; intake decides and reports which zone a file meant."""
        if isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError("started_at 缺少时区")
        return value
