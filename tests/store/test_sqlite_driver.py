from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from xiaobao.errors import StoreError
from xiaobao.store import linked_sqlite_version, sqlite_driver, use_safe_sqlite
from xiaobao.store.engine import create_store_engine, read_transaction, sqlite_url, write_transaction


def test_linked_sqlite_has_the_fix_for_lost_commits() -> None:
    assert linked_sqlite_version() >= (3, 51, 3)


def test_import_of_sqlite3_gives_the_bundled_library() -> None:
    assert use_safe_sqlite() is use_safe_sqlite() is sys.modules["sqlite3.dbapi2"]
    import sqlite3

    assert sqlite3.__name__ == "pysqlite3"


def test_engine_runs_on_the_version_that_was_checked(sqlite_engine: Engine) -> None:
    with read_transaction(sqlite_engine) as connection:
        version = connection.scalar(text("SELECT sqlite_version()"))
    assert version == ".".join(map(str, linked_sqlite_version()))


def test_every_connection_is_durable_and_checks_foreign_keys(sqlite_engine: Engine) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1, "secure_delete": 1}
    with read_transaction(sqlite_engine) as one, read_transaction(sqlite_engine) as two:
        for connection in (one, two):
            assert {name: connection.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted


def test_library_with_the_wal_race_gets_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_driver, "linked_sqlite_version", lambda: (3, 51, 2))
    engine = create_store_engine(sqlite_url(tmp_path / "old.db"))
    with read_transaction(engine) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "delete"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
    engine.dispose()


def test_setting_that_does_not_take_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_driver, "journal_mode", lambda _version: "no_such_mode")
    engine = create_store_engine(sqlite_url(tmp_path / "store.db"))
    with pytest.raises(StoreError, match="journal_mode"), read_transaction(engine):
        pass


def test_database_and_its_journal_are_closed_to_others(sqlite_engine: Engine) -> None:
    path = Path(sqlite_engine.url.database or "")
    with write_transaction(sqlite_engine) as connection:
        connection.execute(text("UPDATE audit_head SET seq = seq"))
    files = sorted(path.parent.iterdir())
    assert path.with_name("store.db-wal") in files
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in files} == {file.name: "0o600" for file in files}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_open_rights_of_an_existing_database_are_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    create_store_engine(sqlite_url(path)).dispose()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "mysql://h/d"]
)
def test_database_that_cannot_keep_anything_is_refused(url: str) -> None:
    with pytest.raises(StoreError):
        create_store_engine(url)


def test_writer_takes_its_lock_at_begin(sqlite_engine: Engine) -> None:
    # Two deferred transactions that both read first would make the second writer fail at once instead of waiting.
    with write_transaction(sqlite_engine) as writer:
        writer.execute(text("SELECT 1"))
        with sqlite_engine.connect() as other, pytest.raises(Exception, match="locked"):
            other.execute(text("PRAGMA busy_timeout = 0"))
            other.execute(text("UPDATE audit_head SET seq = seq"))


def test_error_message_quotes_no_value(sqlite_engine: Engine) -> None:
    with pytest.raises(StoreError) as info, write_transaction(sqlite_engine) as connection:
        connection.execute(text("INSERT INTO batch (batch_id, source) VALUES ('b', :words)"), {"words": "张三欠款"})
    assert "张三" not in str(info.value) and "张三" not in str(info.value.__cause__)
