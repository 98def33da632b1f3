"""Brings a database to the schema of this release; needs no alembic.ini."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, text

from xiaobao.errors import StoreError
from xiaobao.store.engine import is_sqlite, write_transaction

_MIGRATION_LOCK = 0x7869616F62616F
"""Key of PostgreSQL's advisory lock for migrations: the bytes of "xiaobao"."""


def upgrade(engine: Engine) -> None:
    """Create or migrate the schema, all of it or nothing; processes that start together take turns.

    Raises:
        StoreError: the database is of a later release, or refuses.
    """
    config = Config()
    config.set_main_option("script_location", "xiaobao.store:migrations")
    config.set_main_option("path_separator", "os")
    with write_transaction(engine) as connection:
        if not is_sqlite(engine):
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            raise StoreError("数据库由更新的版本建立，本版本不能打开") from exc
