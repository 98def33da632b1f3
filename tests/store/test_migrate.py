from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from tests.store.samples import judged_call
from tests.store.workers import call_at
from xiaobao.errors import StoreError
from xiaobao.store.engine import write_transaction
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade
from xiaobao.store.schema import metadata


def test_migrations_give_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrations_name_every_constraint_as_the_code_does(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        named = {str(constraint.name) for constraint in table.constraints} | {
            str(index.name) for index in table.indexes
        }
        found = {
            inspector.get_pk_constraint(table.name)["name"],
            *(key["name"] for key in inspector.get_foreign_keys(table.name)),
            *(unique["name"] for unique in inspector.get_unique_constraints(table.name)),
            *(index["name"] for index in inspector.get_indexes(table.name)),
        }
        assert found == named


def test_second_upgrade_keeps_what_is_stored(engine: Engine, store: JudgmentStore) -> None:
    store.save([judged_call(1)])
    upgrade(engine)
    assert store.counts().calls == 1


def test_database_of_a_later_release_is_refused(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="更新的版本"):
        upgrade(engine)


def test_migration_that_fails_half_way_leaves_no_table(bare_engine: Engine) -> None:
    def fail() -> None:
        raise RuntimeError("failpoint")

    call_at(bare_engine, "CREATE TRIGGER", fail)
    with pytest.raises(RuntimeError, match="failpoint"):
        upgrade(bare_engine)
    assert inspect(bare_engine).get_table_names() == []
