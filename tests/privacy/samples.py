"""Small calls for the privacy tests; all people and numbers are invented."""

from __future__ import annotations

from typing import Any

from xiaobao.domain import Agent, Business, Channel, Customer, Direction, Speaker, Transcript, Turn


def call(
    *texts: str, agent: str | None = None, customer: dict[str, Any] | None = None, context: dict[str, Any] | None = None
) -> Transcript:
    """A call whose turns alternate between agent and customer."""
    speakers = (Speaker.AGENT, Speaker.CUSTOMER)
    return Transcript(
        call_id="T-1",
        channel=Channel.PHONE,
        business=Business.SERVICE,
        direction=Direction.OUTBOUND,
        agent=Agent(id="A1", name=agent),
        customer=Customer(id="U1", **(customer or {})),
        context=context or {},
        turns=tuple(Turn(speaker=speakers[index % 2], text=text) for index, text in enumerate(texts)),
    )
