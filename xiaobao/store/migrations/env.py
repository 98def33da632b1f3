"""Alembic's entry: migrates the connection that `xiaobao.store.migrate.upgrade` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from xiaobao.store.schema import metadata

# transactional_ddl off: the caller's transaction already makes the migration one whole, on both databases.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
