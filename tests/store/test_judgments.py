from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from tests.store.samples import STARTED, judged_call
from tests.store.workers import call_at
from xiaobao.domain import Business, Outcome, Severity, TicketState
from xiaobao.errors import StoreError
from xiaobao.store import schema
from xiaobao.store.audit import chain_head
from xiaobao.store.engine import read_transaction
from xiaobao.store.judgments import CallFilter, JudgedCall, JudgmentStore
from xiaobao.store.verify import verify_chain


def rows_in(engine: Engine) -> dict[str, int]:
    with read_transaction(engine) as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in schema.metadata.sorted_tables
        }


def test_saved_call_reads_back_equal(store: JudgmentStore) -> None:
    source = judged_call(1)
    result = store.save([source])
    assert result.stored == ("C-00001",)
    assert store.get_judgment("C-00001") == source.judgment
    assert store.get_transcript("C-00001") == source.transcript
    assert store.list_tickets().rows == source.tickets
    call = store.get_call("C-00001")
    assert call is not None
    assert (call.notes, call.revisions, call.content_sha256) == (("已补全时区",), 1, source.content_sha256)


def test_unknown_call_reads_as_none(store: JudgmentStore) -> None:
    assert store.get_judgment("C-9") is None
    assert store.get_transcript("C-9") is None
    assert store.get_call("C-9") is None


def test_given_bytes_are_stored_as_they_are(store: JudgmentStore) -> None:
    source = judged_call(1)
    document = source.judgment.model_dump_json(indent=1).encode()
    raw = source.transcript.model_dump_json(indent=1).encode()
    store.save(
        [JudgedCall(source.transcript, source.content_sha256, source.judgment, document=document, transcript_json=raw)]
    )
    assert store.get_document("C-00001") == document
    assert store.get_transcript("C-00001") == source.transcript


@pytest.mark.parametrize(
    "point", ['INSERT INTO "judgment"', 'INSERT INTO "ticket_event"', "UPDATE audit_head", "COMMIT"]
)
def test_failure_in_the_middle_of_a_save_leaves_nothing(engine: Engine, store: JudgmentStore, point: str) -> None:
    before = rows_in(engine)

    def fail() -> None:
        raise RuntimeError("failpoint")

    call_at(engine, point, fail)
    with pytest.raises(RuntimeError, match="failpoint"):
        store.save([judged_call(n) for n in range(8)])
    assert rows_in(engine) == before


def test_same_save_again_changes_nothing(engine: Engine, store: JudgmentStore) -> None:
    calls = [judged_call(n) for n in range(5)]
    store.save(calls)
    before, head = rows_in(engine), chain_head(engine)
    again = store.save(calls)
    assert again.stored == ()
    assert again.unchanged == tuple(f"C-{n:05d}" for n in range(5))
    assert (rows_in(engine), chain_head(engine)) == (before, head)


def test_order_of_prompts_is_not_another_provenance(store: JudgmentStore) -> None:
    store.save([judged_call(1, prompts={"a": "1", "b": "2"})])
    assert store.save([judged_call(1, prompts={"b": "2", "a": "1"})]).unchanged == ("C-00001",)


@pytest.mark.parametrize("change", [{"ruleset": "rules-2"}, {"prompts": {}}, {"product_version": "1.1"}])
def test_judging_under_another_provenance_is_a_new_revision(store: JudgmentStore, change: dict[str, object]) -> None:
    store.save([judged_call(1)])
    first = store.get_document("C-00001")
    assert store.save([judged_call(1, **change)]).stored == ("C-00001",)  # type: ignore[arg-type]
    assert store.get_document("C-00001", revision=1) == first
    assert store.get_document("C-00001") == store.get_document("C-00001", revision=2) != first
    page = store.list_calls()
    assert [(row.call_id, row.revision) for row in page.rows] == [("C-00001", 2)]
    assert store.counts().findings[Outcome.VIOLATED] == 1


def test_second_judgment_keeps_the_ticket_a_person_may_work_on(store: JudgmentStore) -> None:
    first = judged_call(1)
    store.save([first])
    store.save([judged_call(1, ruleset="rules-2")])
    assert store.list_tickets().rows == first.tickets


def test_ticket_id_of_another_call_is_an_error_and_stores_nothing(engine: Engine, store: JudgmentStore) -> None:
    store.save([judged_call(1)])
    before = rows_in(engine)
    other = judged_call(2)
    stolen = other.tickets[0].model_copy(update={"ticket_id": "T-C-00001"})
    with pytest.raises(StoreError, match="T-C-00001"):
        store.save([JudgedCall(other.transcript, other.content_sha256, other.judgment, (stolen,))])
    assert rows_in(engine) == before


def test_same_id_with_other_content_is_refused_and_the_others_are_stored(engine: Engine, store: JudgmentStore) -> None:
    first = judged_call(1)
    store.save([first])
    result = store.save([judged_call(1, text="完全不同的内容"), judged_call(2)])
    assert [refusal.call_id for refusal in result.conflicts] == ["C-00001"]
    assert result.stored == ("C-00002",)
    assert store.get_transcript("C-00001") == first.transcript
    assert verify_chain(engine).ok


def test_conflict_inside_one_save_keeps_the_first(store: JudgmentStore) -> None:
    first = judged_call(1)
    result = store.save([first, judged_call(1, text="完全不同的内容"), first])
    assert (result.stored, result.unchanged) == (("C-00001",), ("C-00001",))
    assert [refusal.code for refusal in result.refused] == ["duplicate_call"]
    assert store.get_transcript("C-00001") == first.transcript


@pytest.mark.parametrize("bad_id", ["C\0X", "C-1"])
def test_text_no_database_can_hold_is_refused_and_the_others_are_stored(store: JudgmentStore, bad_id: str) -> None:
    bad = judged_call(1)
    customer = bad.transcript.customer.model_copy(update={"id": "U\0"})
    transcript = bad.transcript.model_copy(update={"call_id": bad_id, "customer": customer})
    judgment = bad.judgment.model_copy(update={"call_id": bad_id})
    result = store.save([JudgedCall(transcript, "x", judgment), judged_call(2)])
    assert [(refusal.call_id, refusal.code) for refusal in result.refused] == [(bad_id, "not_storable")]
    assert result.stored == ("C-00002",)


def test_findings_with_one_id_are_refused_instead_of_losing_one(store: JudgmentStore) -> None:
    source = judged_call(1)
    twice = source.judgment.model_copy(update={"findings": source.judgment.findings[:1] * 2})
    result = store.save([JudgedCall(source.transcript, source.content_sha256, twice)])
    assert [refusal.code for refusal in result.refused] == ["not_storable"]


def test_judgment_of_another_call_cannot_be_paired() -> None:
    one, two = judged_call(1), judged_call(2)
    with pytest.raises(ValueError, match="C-00001"):
        JudgedCall(one.transcript, one.content_sha256, two.judgment)


def test_list_shows_latest_judged_first_page_by_page(store: JudgmentStore) -> None:
    store.save([judged_call(n) for n in range(7)])
    seen: list[str] = []
    cursor: int | None = None
    while True:
        page = store.list_calls(cursor=cursor, limit=3)
        seen += [row.call_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"C-{n:05d}" for n in reversed(range(7))]


def test_list_row_tells_what_the_judgment_found(store: JudgmentStore) -> None:
    store.save([judged_call(3)])
    (row,) = store.list_calls().rows
    assert (row.violated, row.undetermined, row.worst, row.tickets) == (1, 1, Severity.CRITICAL, 1)
    assert row.started_at == STARTED + timedelta(minutes=3)
    assert row.started_offset_min == 480
    assert (row.agent_team, row.total, row.auto_fail, row.needs_review) == ("一组", 83, True, False)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (CallFilter(business=Business.WEALTH), {1, 3, 5}),
        (CallFilter(agent_id="A0"), {0, 3}),
        (CallFilter(customer_id="U4"), {4}),
        (
            CallFilter(started_from=STARTED + timedelta(minutes=2), started_before=STARTED + timedelta(minutes=4)),
            {2, 3},
        ),
        (CallFilter(category="guaranteed_return", outcome=Outcome.VIOLATED, severity=Severity.CRITICAL), set(range(6))),
        (CallFilter(outcome=Outcome.VIOLATED, severity=Severity.MINOR), set()),
        (CallFilter(rule_id="wealth.rule-1"), set(range(6))),
        (CallFilter(signal="complaint_intent"), set(range(6))),
        (CallFilter(signal="vulnerable"), set()),
        (CallFilter(needs_review=True), {5}),
        (CallFilter(auto_fail=False), set()),
        (CallFilter(score_from=82, score_below=84), {2, 3}),
    ],
)
def test_filter_keeps_exactly_the_matching_calls(store: JudgmentStore, where: CallFilter, numbers: set[int]) -> None:
    store.save([judged_call(n, needs_review=n == 5) for n in range(6)])
    assert {row.call_id for row in store.list_calls(where).rows} == {f"C-{n:05d}" for n in numbers}


def test_tickets_are_filtered_and_paged(store: JudgmentStore) -> None:
    store.save([judged_call(n) for n in range(4)])
    page = store.list_tickets(state=TicketState.DRAFT, owner_role="supervisor", limit=3)
    rest = store.list_tickets(cursor=page.next_cursor)
    assert [ticket.call_id for ticket in page.rows + rest.rows] == [f"C-{n:05d}" for n in reversed(range(4))]
    assert store.list_tickets(state=TicketState.CLOSED).rows == ()
    assert [ticket.call_id for ticket in store.list_tickets(call_id="C-00002").rows] == ["C-00002"]


def test_page_size_outside_its_limits_is_an_error(store: JudgmentStore) -> None:
    with pytest.raises(StoreError):
        store.list_calls(limit=0)
    with pytest.raises(StoreError):
        store.list_tickets(limit=501)


def test_counts_add_up(store: JudgmentStore) -> None:
    store.save([judged_call(n, needs_review=n == 0) for n in range(3)])
    counts = store.counts()
    assert (counts.calls, counts.judgments, counts.needs_review) == (3, 3, 1)
    assert counts.findings[Outcome.UNDETERMINED] == 3
    assert counts.tickets[TicketState.DRAFT] == 3
