from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from tests.store.samples import judged_call
from xiaobao.domain import TicketState
from xiaobao.errors import StoreError
from xiaobao.store.audit import GENESIS, AuditRow, ChainHead, chain_head, export_chain, row_hash, verify_export
from xiaobao.store.engine import create_store_engine, is_sqlite, read_transaction, write_transaction
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade
from xiaobao.store.schema import audit
from xiaobao.store.tickets import TicketDesk
from xiaobao.store.verify import verify_chain

ROWS = 10
"""Three calls with judgment and ticket each (seq 1–9), then one ticket move (seq 10)."""


@pytest.fixture
def chain(engine: Engine, store: JudgmentStore) -> Engine:
    store.save([judged_call(n) for n in range(3)])
    TicketDesk(engine).move("T-C-00000", seen=TicketState.DRAFT, to=TicketState.OPEN, actor="张主管", note="请联系")
    return engine


@contextmanager
def as_owner(engine: Engine) -> Any:
    """A database owner who takes the guards off first and puts nothing back."""
    with write_transaction(engine) as connection:
        if is_sqlite(engine):
            for name in ("audit_no_update", "audit_no_delete", "audit_no_replace"):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("audit", "judgment", "ticket_event", "finding"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        yield connection


def recompute(connection: Connection, first: int) -> None:
    """Give every row from `first` on the hash that belongs to its present content, and the head too."""
    rows = [AuditRow(*row) for row in connection.execute(select(audit).order_by(audit.c.seq))]
    prev = rows[first - 2].hash if first > 1 else GENESIS
    for row in rows[first - 1 :]:
        new = row_hash(prev, *row[:6])
        connection.execute(audit.update().where(audit.c.seq == row.seq).values(prev_hash=prev, hash=new))
        prev = new
    connection.execute(text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": rows[-1].seq, "hash": prev})


def run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


def edit_row(c: Connection) -> None:
    run(c, "UPDATE audit SET actor = '别人' WHERE seq = 4")


def edit_payload_hash(c: Connection) -> None:
    run(c, "UPDATE audit SET payload_sha256 = hash WHERE seq = 5")


def delete_row(c: Connection) -> None:
    run(c, "DELETE FROM audit WHERE seq = 4")


def insert_row(c: Connection) -> None:
    run(
        c,
        "UPDATE audit SET seq = seq + 1000 WHERE seq >= 4",
        "UPDATE audit SET seq = seq - 999 WHERE seq >= 1000",
        "INSERT INTO audit SELECT 4, at, actor, action, object, payload_sha256, prev_hash, hash"
        " FROM audit WHERE seq = 3",
    )


def swap_rows(c: Connection) -> None:
    run(
        c,
        "UPDATE audit SET seq = 1004 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 6",
        "UPDATE audit SET seq = 6 WHERE seq = 1004",
    )


def duplicate_seq(c: Connection) -> None:
    run(
        c,
        "ALTER TABLE audit RENAME TO old_audit",
        "CREATE TABLE audit AS SELECT * FROM old_audit",
        "INSERT INTO audit SELECT * FROM old_audit WHERE seq = 6",
    )


def cut_tail(c: Connection) -> None:
    run(c, "DELETE FROM audit WHERE seq > 8")


def cut_tail_with_head(c: Connection) -> None:
    run(
        c,
        "DELETE FROM audit WHERE seq > 9",
        "UPDATE audit_head SET seq = 9, hash = (SELECT hash FROM audit WHERE seq = 9)",
        "DELETE FROM ticket_event WHERE position > 0",
    )


def recompute_all(c: Connection) -> None:
    run(c, "UPDATE audit SET actor = '别人' WHERE seq = 4")
    recompute(c, 4)


def edit_judgment(c: Connection) -> None:
    run(c, "UPDATE judgment SET document = (SELECT transcript FROM call LIMIT 1) WHERE judgment_id = 5")


def edit_transcript(c: Connection) -> None:
    run(c, "UPDATE call SET transcript = notes WHERE call_id = 'C-00001'")


def edit_ticket_history(c: Connection) -> None:
    run(c, "UPDATE ticket_event SET note = '无需处理' WHERE position = 1")


def drop_ticket_history(c: Connection) -> None:
    run(c, "DELETE FROM ticket_event WHERE position = 1")


def forge_ticket_history(c: Connection) -> None:
    run(
        c,
        "INSERT INTO ticket_event SELECT ticket_id, 2, at, actor, 'closed', note, 11"
        " FROM ticket_event WHERE position = 1",
    )


def hide_a_violation(c: Connection) -> None:
    run(c, "UPDATE finding SET outcome = 'compliant' WHERE judgment_id = 5 AND outcome = 'violated'")


def drop_a_finding(c: Connection) -> None:
    run(c, "DELETE FROM finding WHERE judgment_id = 8 AND outcome = 'violated'")


def drop_all_findings_of_a_judgment(c: Connection) -> None:
    run(c, "DELETE FROM finding WHERE judgment_id = 2")


def skip_the_review(c: Connection) -> None:
    run(c, "UPDATE judgment SET needs_review = NOT needs_review WHERE judgment_id = 8")


def close_a_ticket_quietly(c: Connection) -> None:
    run(c, "UPDATE ticket SET state = 'closed' WHERE ticket_id = 'T-C-00001'")


TAMPERS: list[tuple[Callable[[Connection], None], int]] = [
    (edit_row, 4),
    (edit_payload_hash, 5),
    (delete_row, 4),
    (insert_row, 4),
    (swap_rows, 4),
    (duplicate_seq, 6),
    (cut_tail, 9),
    (cut_tail_with_head, 10),
    (recompute_all, ROWS),
    (edit_judgment, 5),
    (edit_transcript, 4),
    (edit_ticket_history, 10),
    (drop_ticket_history, 10),
    (forge_ticket_history, 11),
    (hide_a_violation, 5),
    (drop_a_finding, 8),
    (drop_all_findings_of_a_judgment, 2),
    (skip_the_review, 8),
    (close_a_ticket_quietly, 6),
]
"""Each tampering and the first row that must be named; a recomputed chain first differs at the anchor."""


def test_untouched_chain_verifies_with_its_anchor(chain: Engine) -> None:
    head = chain_head(chain)
    report = verify_chain(chain, anchors=[head])
    assert (report.ok, report.rows, report.head, report.first_bad_seq) == (True, ROWS, head, None)


@pytest.mark.parametrize(("tamper", "first_bad"), TAMPERS, ids=[tamper.__name__ for tamper, _ in TAMPERS])
def test_tampering_is_detected_and_its_first_row_named(
    chain: Engine, tamper: Callable[[Connection], None], first_bad: int
) -> None:
    anchor = chain_head(chain)
    with as_owner(chain) as connection:
        tamper(connection)
    report = verify_chain(chain, anchors=[anchor])
    assert (report.ok, report.first_bad_seq) == (False, first_bad)
    assert report.reason


ROW_TAMPERS = TAMPERS[:7]


@pytest.mark.parametrize(("tamper", "first_bad"), ROW_TAMPERS, ids=[tamper.__name__ for tamper, _ in ROW_TAMPERS])
def test_tampering_with_rows_alone_is_detected_without_any_anchor(
    chain: Engine, tamper: Callable[[Connection], None], first_bad: int
) -> None:
    with as_owner(chain) as connection:
        tamper(connection)
    report = verify_chain(chain, payloads=False)
    assert (report.ok, report.first_bad_seq) == (False, first_bad)


@pytest.mark.parametrize(
    ("table", "column"), [("judgment", "document"), ("call", "transcript"), ("ticket", "document")]
)
def test_sqlite_document_of_another_type_is_a_changed_document(sqlite_engine: Engine, table: str, column: str) -> None:
    """`replace()` turns a blob into text with the same characters; that is tampering, not a crash."""
    JudgmentStore(sqlite_engine).save([judged_call(1)])
    with write_transaction(sqlite_engine) as connection:
        run(connection, f"UPDATE {table} SET {column} = replace({column}, 'x', 'x')")
    report = verify_chain(sqlite_engine)
    assert not report.ok
    assert "哈希不符" in report.reason


def test_older_copy_of_the_database_is_detected_by_the_anchor(chain: Engine, store: JudgmentStore) -> None:
    # What an older copy holds is exactly what is here before the last save.
    store.save([judged_call(7)])
    anchor = chain_head(chain)
    with as_owner(chain) as connection:
        run(
            connection,
            f"DELETE FROM audit WHERE seq > {ROWS}",
            f"UPDATE audit_head SET seq = {ROWS}, hash = (SELECT hash FROM audit WHERE seq = {ROWS})",
            "DELETE FROM ticket_event WHERE ticket_id = 'T-C-00007'",
            "DELETE FROM ticket WHERE call_id = 'C-00007'",
            f"DELETE FROM finding WHERE judgment_id > {ROWS}",
            f"DELETE FROM signal WHERE judgment_id > {ROWS}",
            "DELETE FROM judgment WHERE call_id = 'C-00007'",
            "DELETE FROM call WHERE call_id = 'C-00007'",
        )
    assert verify_chain(chain).ok
    report = verify_chain(chain, anchors=[anchor])
    assert (report.ok, report.first_bad_seq) == (False, ROWS + 1)


def test_edited_anchor_is_detected(chain: Engine) -> None:
    head = chain_head(chain)
    report = verify_chain(chain, anchors=[ChainHead(head.seq, "0" * 64)])
    assert (report.ok, report.first_bad_seq) == (False, ROWS)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_database_refuses_to_change_the_chain(chain: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), chain.begin() as connection:
        connection.execute(text(statement))
    assert verify_chain(chain).ok


def test_sqlite_refuses_to_replace_a_row_of_the_chain(sqlite_engine: Engine) -> None:
    JudgmentStore(sqlite_engine).save([judged_call(1)])
    with pytest.raises(DBAPIError, match="append-only"), sqlite_engine.begin() as connection:
        connection.execute(text("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1"))


def test_postgresql_refuses_to_empty_the_chain(postgres_url: Any) -> None:
    engine = create_store_engine(postgres_url)
    upgrade(engine)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))
    engine.dispose()


def test_chain_holds_no_word_of_the_call(chain: Engine) -> None:
    exported = b"".join(export_chain(chain)).decode()
    assert "亏损" not in exported and "请联系" not in exported and "U1" not in exported


def test_export_verifies_without_the_database(chain: Engine) -> None:
    lines = list(export_chain(chain))
    head = chain_head(chain)
    assert verify_export(lines, anchors=[head]).head == head
    forged = orjson.loads(lines[3]) | {"actor": "别人"}
    report = verify_export([*lines[:3], orjson.dumps(forged), *lines[4:]])
    assert (report.ok, report.first_bad_seq) == (False, 4)


def test_export_with_a_broken_line_is_an_error(chain: Engine) -> None:
    with pytest.raises(StoreError, match="第 2 行"):
        verify_export([next(iter(export_chain(chain))), b"{"])


def test_missing_head_stops_every_writer(engine: Engine, store: JudgmentStore) -> None:
    with write_transaction(engine) as connection:
        run(connection, "DELETE FROM audit_head")
    with pytest.raises(StoreError, match="链头"):
        store.save([judged_call(1)])
    with read_transaction(engine) as connection:
        assert connection.execute(select(audit)).all() == []


def test_hash_is_what_the_documentation_says() -> None:
    body = '{"action":"a","actor":"张","at":"t","object":"o","payload_sha256":"p"}'.encode()
    assert row_hash(GENESIS, 1, "t", "张", "a", "o", "p") == sha256(b"0" * 64 + b"1" + body).hexdigest()
