"""Engines with the durability the product promises, and the one way to open a write transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from xiaobao.errors import StoreError
from xiaobao.store import sqlite_driver
from xiaobao.store.turns import FairLock

_WRITER = "xiaobao_writer"
"""Execution option that makes the next transaction take SQLite's write lock at BEGIN."""
_TURN = "xiaobao_turn"
"""Execution option of SQLite engines: where the threads of this process queue for that write lock."""
_POOL_RECYCLE_S = 1800
"""PostgreSQL connections are replaced after this age; below the idle limit of common firewalls (one hour)."""


def sqlite_url(path: Path) -> URL:
    """URL of the SQLite database at `path`."""
    return URL.create("sqlite", database=str(path))


def create_store_engine(url: str | URL) -> Engine:
    """Engine for `sqlite:///<file>` or `postgresql://…` (always the psycopg driver).

    Raises:
        StoreError: another kind of database, or SQLite without a file (it would lose everything at exit).
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed)
    if backend == "postgresql":
        # hide_parameters: an error message must never show what a customer said.
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_recycle=_POOL_RECYCLE_S,
        )
    raise StoreError(f"不支持的数据库类型：{backend!r}（可用 sqlite、postgresql）")


def is_sqlite(engine: Engine) -> bool:
    """Whether the engine talks to SQLite; otherwise it is PostgreSQL."""
    return engine.dialect.name == "sqlite"


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or "mode=memory" in str(url):
        raise StoreError("SQLite 须使用文件：内存数据库退出即丢失")
    sqlite_driver.prepare_file(Path(url.database))
    # The module is passed by hand: an import of `sqlite3` that ran before ours must not decide which library is used.
    engine = create_engine(
        url, module=sqlite_driver.use_safe_sqlite(), hide_parameters=True, execution_options={_TURN: FairLock()}
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        sqlite_driver.configure(connection)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # A deferred BEGIN that later writes fails at once with "database is locked" when another writer was first,
        # whatever the busy timeout; BEGIN IMMEDIATE waits for its turn instead.
        writer = connection.get_execution_options().get(_WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed at the end of the block, rolled back by any exception.

    Raises:
        StoreError: the database refused (locked for 30 s, disk full, constraint, connection lost); nothing was written.
    """
    turn: FairLock | None = engine.get_execution_options().get(_TURN)
    try:
        with turn or nullcontext(), engine.execution_options(**{_WRITER: True}).begin() as connection:
            yield connection
    except SQLAlchemyError as exc:
        raise StoreError(f"数据库拒绝写入：{_reason(exc)}") from exc


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database: several reads inside the block see the same state.

    Raises:
        StoreError: the database cannot be read.
    """
    try:
        # A SQLite transaction is a snapshot by itself; PostgreSQL's default takes a new one for every statement.
        source = engine if is_sqlite(engine) else engine.execution_options(isolation_level="REPEATABLE READ")
        with source.connect() as connection:
            yield connection
    except SQLAlchemyError as exc:
        raise StoreError(f"数据库无法读取：{_reason(exc)}") from exc


def _reason(exc: SQLAlchemyError) -> str:
    """First line of the driver's message: the further lines of PostgreSQL's (DETAIL) can quote values."""
    original = getattr(exc, "orig", None) or exc
    return f"{type(original).__name__}: {str(original).splitlines()[0] if str(original) else ''}"
