"""Earlier contacts with the same customer, for rules that look over several calls (at most three contacts a day …)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Engine, select

from xiaobao.domain import Business, Direction, Transcript
from xiaobao.rules.view import PastContact
from xiaobao.store.engine import read_transaction
from xiaobao.store.schema import call

REACH = timedelta(hours=48)
"""How far back contacts matter: a local day, in whatever zone, and a margin."""
_UNKNOWN = "unknown"
"""Customer id that intake gives where the source has none; it joins nobody."""


class ContactHistory:
    """Reads contacts from the call table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, transcripts: Sequence[Transcript]) -> Mapping[str, Sequence[PastContact]]:
        """Call id → stored contacts with its customer in the 48 hours before it.

        Only collection calls whose source does not count contacts itself are looked up, all in one query.
        """
        asked = [
            t
            for t in transcripts
            if t.business is Business.COLLECTIONS
            and t.started_at is not None
            and t.customer.id != _UNKNOWN
            and t.context.get("contacts_today") is None
        ]
        if not asked:
            return {}
        earliest = min(t.started_at for t in asked if t.started_at) - REACH
        query = select(call.c.customer_id, call.c.call_id, call.c.started_at, call.c.direction).where(
            call.c.customer_id.in_({t.customer.id for t in asked}), call.c.started_at >= earliest
        )
        by_customer: dict[str, list[PastContact]] = defaultdict(list)
        with read_transaction(self._engine) as connection:
            for customer, call_id, started, direction in connection.execute(query):
                outbound = direction == Direction.OUTBOUND
                by_customer[customer].append(PastContact(call_id, started, outbound))
        for t in asked:  # calls of the same chunk are not stored yet, and count as well
            assert t.started_at is not None
            by_customer[t.customer.id].append(PastContact(t.call_id, t.started_at, t.direction is Direction.OUTBOUND))
        return {t.call_id: tuple(dict.fromkeys(by_customer[t.customer.id])) for t in asked}
