"""Which SQLite library the product runs on, and the settings every connection to it must have.

SQLite up to 3.51.2 can silently lose committed writes in WAL mode when two connections write and checkpoint at the
same instant (the "WAL reset" race, fixed in 3.51.3). A distribution's Python often links an older library, so the
bundled `pysqlite3` takes the place of `sqlite3`, and WAL is only used where the linked library has the fix.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from xiaobao.errors import StoreError

WAL_SAFE_SINCE = (3, 51, 3)
"""First release without the WAL-reset race (SQLite change log, March 2026)."""
BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for the write lock; one transaction of ours takes milliseconds."""
_SYNCHRONOUS_FULL = 2
"""`PRAGMA synchronous` reads back as a number; NORMAL (1) may lose acknowledged commits at power loss under WAL."""


def use_safe_sqlite() -> ModuleType:
    """Put `pysqlite3` in the place of `sqlite3` for every later import; safe to call again.

    Without `pysqlite3` (no wheel for the platform) the standard library's module stays, and `journal_mode` keeps it
    out of WAL where its library is too old. Modules that imported `sqlite3` before this call keep the old one.
    """
    try:
        driver = import_module("pysqlite3")
        dbapi = import_module("pysqlite3.dbapi2")
    except ImportError:
        return import_module("sqlite3.dbapi2")
    sys.modules["sqlite3"] = driver
    sys.modules["sqlite3.dbapi2"] = dbapi
    return dbapi


def linked_sqlite_version() -> tuple[int, ...]:
    """Version of the SQLite library that is linked, not of the Python wrapper around it."""
    return tuple(import_module("sqlite3").sqlite_version_info)


def journal_mode(version: tuple[int, ...]) -> str:
    """`wal` where it cannot lose commits, else the rollback journal (`delete`)."""
    return "wal" if version >= WAL_SAFE_SINCE else "delete"


def prepare_file(path: Path) -> None:
    """Create the database file 0600 (missing folders 0700) and take group and world rights off an existing one.

    SQLite gives its journal and WAL files the rights of the database file. An existing folder is left as it is: it may
    be shared with others on purpose.
    """
    missing = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        # O_EXCL: an existing database is never opened here, because closing that descriptor would drop the POSIX locks
        # that other connections of this process hold on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def configure(connection: Any) -> None:
    """Set and then read back what a new DBAPI connection must have.

    Raises:
        StoreError: a setting did not take, e.g. WAL on a file system without shared memory.
    """
    # SQLAlchemy emits BEGIN itself (engine.py); the driver's own implicit BEGIN would be a deferred one.
    connection.isolation_level = None
    wanted = {
        "busy_timeout": BUSY_TIMEOUT_MS,
        "journal_mode": journal_mode(linked_sqlite_version()),
        "synchronous": _SYNCHRONOUS_FULL,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    cursor = connection.cursor()
    try:
        # The order of the dict matters: switching the journal mode needs a lock, so the timeout is set first.
        for pragma, value in wanted.items():
            cursor.execute(f"PRAGMA {pragma} = {value}").fetchall()
        for pragma, value in wanted.items():
            (actual,) = cursor.execute(f"PRAGMA {pragma}").fetchone()
            if actual != value:
                raise StoreError(f"SQLite 设置未生效：{pragma} 应为 {value!r}，实为 {actual!r}")
    finally:
        cursor.close()
