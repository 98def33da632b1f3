"""Earlier contacts with a customer: from the database and from the same chunk, for those calls that need them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.store.samples import judged_call
from xiaobao.domain import Business, Customer, Direction, Transcript
from xiaobao.rules.view import PastContact
from xiaobao.store.history import ContactHistory
from xiaobao.store.judgments import JudgedCall, JudgmentStore

NOW = datetime.fromisoformat("2026-06-15T20:00:00+08:00")


def collection_call(name: str, started: datetime | None = NOW, customer: str = "U1", **fields: Any) -> Transcript:
    """A collection call of `customer`."""
    base = judged_call(0).transcript
    change: dict[str, Any] = {
        "call_id": name,
        "business": Business.COLLECTIONS,
        "direction": Direction.OUTBOUND,
        "started_at": started,
        "customer": Customer(id=customer),
    }
    return base.model_copy(update=change | fields)


def stored(transcript: Transcript) -> JudgedCall:
    sample = judged_call(0)
    judgment = sample.judgment.model_copy(update={"call_id": transcript.call_id, "findings": (), "tickets": ()})
    return JudgedCall(transcript, transcript.call_id, judgment, ())


@pytest.fixture
def history(engine: Engine) -> ContactHistory:
    return ContactHistory(engine)


def ids(contacts: Any) -> set[str]:
    return {contact.call_id for contact in contacts}


def test_stored_contacts_with_the_same_customer_are_found_with_time_and_direction(
    store: JudgmentStore, history: ContactHistory
) -> None:
    before = collection_call("before", NOW - timedelta(hours=3), direction=Direction.INBOUND)
    store.save([stored(before), stored(collection_call("other", NOW - timedelta(hours=2), "U2"))])
    found = history.of([collection_call("now")])
    assert ids(found["now"]) == {"before", "now"}
    (past,) = [contact for contact in found["now"] if contact.call_id == "before"]
    assert past == PastContact("before", NOW - timedelta(hours=3), False)


def test_calls_of_the_same_chunk_count_although_they_are_not_stored_yet(history: ContactHistory) -> None:
    chunk = [collection_call(f"c{n}", NOW + timedelta(minutes=n)) for n in range(3)]
    chunk.append(collection_call("other", customer="U2"))
    found = history.of(chunk)
    assert all(ids(found[f"c{n}"]) == {"c0", "c1", "c2"} for n in range(3))
    assert ids(found["other"]) == {"other"}


def test_a_call_that_is_stored_and_judged_again_counts_once(store: JudgmentStore, history: ContactHistory) -> None:
    call = collection_call("again")
    store.save([stored(call)])
    assert len(history.of([call])["again"]) == 1


def test_contacts_of_other_days_are_not_read(store: JudgmentStore, history: ContactHistory) -> None:
    store.save([stored(collection_call("old", NOW - timedelta(hours=49)))])
    store.save([stored(collection_call("near", NOW - timedelta(hours=47)))])
    assert ids(history.of([collection_call("now")])["now"]) == {"near", "now"}


@pytest.mark.parametrize(
    "fields",
    [
        {"business": Business.WEALTH},
        {"started": None},
        {"customer": "unknown"},
        {"context": {"contacts_today": 2}},
        {"context": {"contacts_today": 0}},
    ],
    ids=["other business", "no time", "no customer", "counted by the source", "counted as none"],
)
def test_nothing_is_looked_up_where_it_cannot_matter(
    engine: Engine, history: ContactHistory, fields: dict[str, Any]
) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert history.of([collection_call("now", **fields)]) == {}
    assert asked == []


def test_a_whole_chunk_costs_one_query(store: JudgmentStore, engine: Engine, history: ContactHistory) -> None:
    store.save([stored(collection_call(f"s{n}", NOW - timedelta(hours=1), f"U{n}")) for n in range(20)])
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    found = history.of([collection_call(f"c{n}", customer=f"U{n}") for n in range(20)])
    assert all(ids(found[f"c{n}"]) == {f"s{n}", f"c{n}"} for n in range(20))
    assert sum("FROM call" in statement or 'FROM "call"' in statement for statement in asked) == 1
