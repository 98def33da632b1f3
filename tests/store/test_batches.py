from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.store.samples import judged_call
from xiaobao.errors import StoreError
from xiaobao.store.audit import chain_head
from xiaobao.store.batches import BatchCounts, BatchLedger, RejectedRecord
from xiaobao.store.judgments import JudgmentStore


def test_every_received_record_ends_in_exactly_one_state(engine: Engine, store: JudgmentStore) -> None:
    ledger = BatchLedger(engine)
    batch_id = ledger.open("样例.jsonl")
    bad_line = RejectedRecord(item=4, file="样例.jsonl", line=5, code="intake_rejected", reason="不是 JSON")
    ledger.record_received(batch_id, 6)
    assert ledger.reconcile(batch_id).pending == 6
    store.save(
        [
            judged_call(0, item=0),
            judged_call(1, item=1, needs_review=True),
            judged_call(0, item=2),
            judged_call(1, item=3, text="同一编号的另一内容"),
            judged_call(5, item=5),
        ],
        batch_id=batch_id,
    )
    ledger.reject(batch_id, [bad_line])
    counts = ledger.reconcile(batch_id)
    assert counts == BatchCounts(received=6, judged=2, needs_human=1, rejected=2, duplicate=1)
    assert counts.balanced
    conflict, rejected = ledger.rejected(batch_id)
    assert (conflict.item, conflict.line, conflict.code) == (3, 4, "duplicate_call")
    assert rejected == bad_line


def test_repeating_a_save_and_a_rejection_counts_once(engine: Engine, store: JudgmentStore) -> None:
    ledger = BatchLedger(engine)
    batch_id = ledger.open("样例.jsonl")
    calls = [judged_call(0, item=0), judged_call(0, item=1, text="另一内容")]
    bad_line = RejectedRecord(item=2, file="样例.jsonl", line=3, code="intake_rejected", reason="缺少 turns")
    for _ in range(2):
        store.save(calls, batch_id=batch_id)
        ledger.reject(batch_id, [bad_line])
        ledger.record_received(batch_id, 3)
    ledger.record_received(batch_id, 1)
    assert chain_head(engine).seq == 4, "call, judgment, ticket and one refusal, all of the first round"
    assert ledger.reconcile(batch_id) == BatchCounts(received=3, judged=1, needs_human=0, rejected=2, duplicate=0)


def test_file_sent_twice_is_all_duplicates(engine: Engine, store: JudgmentStore) -> None:
    ledger = BatchLedger(engine)
    first, second = ledger.open("样例.jsonl"), ledger.open("样例.jsonl")
    for batch_id in (first, second):
        ledger.record_received(batch_id, 4)
        store.save([judged_call(n, item=n) for n in range(4)], batch_id=batch_id)
    assert ledger.reconcile(first).judged == 4
    assert ledger.reconcile(second) == BatchCounts(received=4, judged=0, needs_human=0, rejected=0, duplicate=4)


def test_a_record_that_was_lost_shows_as_pending(engine: Engine, store: JudgmentStore) -> None:
    ledger = BatchLedger(engine)
    batch_id = ledger.open("样例.jsonl")
    ledger.record_received(batch_id, 3)
    store.save([judged_call(0, item=0), judged_call(2, item=2)], batch_id=batch_id)
    counts = ledger.reconcile(batch_id)
    assert (counts.pending, counts.balanced) == (1, False)


def test_unknown_batch_is_an_error(engine: Engine, store: JudgmentStore) -> None:
    ledger = BatchLedger(engine)
    with pytest.raises(StoreError):
        ledger.reconcile("none")
    with pytest.raises(StoreError):
        ledger.record_received("none", 1)
    with pytest.raises(StoreError):
        ledger.reject("none", [])
    with pytest.raises(StoreError):
        store.save([judged_call(0, item=0)], batch_id="none")
    assert store.counts().calls == 0


def test_save_in_a_batch_needs_the_place_of_every_call(engine: Engine, store: JudgmentStore) -> None:
    batch_id = BatchLedger(engine).open("样例.jsonl")
    with pytest.raises(ValueError, match="item"):
        store.save([judged_call(0)], batch_id=batch_id)
