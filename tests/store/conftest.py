"""Every store test runs on SQLite and on PostgreSQL; without PostgreSQL's binaries those runs are skipped by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, text

from tests.store.postgres import find_binaries, temporary_cluster
from xiaobao.store.engine import create_store_engine, sqlite_url
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[URL]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb and pg_ctl)")
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    with temporary_cluster(binaries) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_cluster: URL) -> URL:
    """An empty database; emptied rather than created anew, which costs 7 MB and a second each."""
    admin = create_engine(postgres_cluster.set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    admin.dispose()
    return postgres_cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "data" / "store.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def bare_engine(store_url: URL) -> Iterator[Engine]:
    """Before any migration."""
    engine = create_store_engine(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(bare_engine: Engine) -> Engine:
    upgrade(bare_engine)
    return bare_engine


@pytest.fixture
def store(engine: Engine) -> JudgmentStore:
    return JudgmentStore(engine)


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    """For what only SQLite has."""
    engine = create_store_engine(sqlite_url(tmp_path / "data" / "store.db"))
    upgrade(engine)
    yield engine
    engine.dispose()
