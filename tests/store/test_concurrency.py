from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, text

import tests
from tests.store.samples import judged_call
from tests.store.workers import save_share
from xiaobao.store.engine import create_store_engine, is_sqlite, read_transaction
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.verify import verify_chain

PROCESSES, CALLS_EACH, PER_SAVE = 4, 40, 5


def as_text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def other_processes() -> ProcessPoolExecutor:
    """Processes that share nothing with this one; what they run is imported once and then forked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.workers"])
    return ProcessPoolExecutor(PROCESSES, mp_context=context)


def test_four_processes_saving_at_once_lose_nothing(store_url: URL) -> None:
    # They also create the database together: the first to come migrates, the others wait for it.
    with other_processes() as pool:
        shares = [
            pool.submit(save_share, as_text(store_url), number * CALLS_EACH, CALLS_EACH, PER_SAVE)
            for number in range(PROCESSES)
        ]
        assert [share.result() for share in shares] == [CALLS_EACH] * PROCESSES
    engine = create_store_engine(store_url)
    counts = JudgmentStore(engine).counts()
    assert (counts.calls, counts.judgments) == (PROCESSES * CALLS_EACH, PROCESSES * CALLS_EACH)
    report = verify_chain(engine)
    assert (report.ok, report.rows) == (True, 3 * PROCESSES * CALLS_EACH)
    engine.dispose()


def test_one_call_saved_by_four_processes_is_stored_once(store_url: URL) -> None:
    with other_processes() as pool:
        shares = [pool.submit(save_share, as_text(store_url), 0, 10, PER_SAVE) for _ in range(PROCESSES)]
        assert sum(share.result() for share in shares) == 10
    engine = create_store_engine(store_url)
    assert JudgmentStore(engine).counts().judgments == 10
    assert verify_chain(engine).ok
    engine.dispose()


@pytest.mark.parametrize(
    "point", ["SELECT audit_head", 'INSERT INTO "audit"', 'INSERT INTO "judgment"', 'INSERT INTO "ticket"', "COMMIT"]
)
def test_kill_9_in_the_middle_of_a_save_keeps_what_was_acknowledged(engine: Engine, store_url: URL, point: str) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.store.workers", as_text(store_url), point],
        cwd=Path(tests.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (child.returncode, child.stdout) == (-9, "acknowledged\n"), child.stderr
    store = JudgmentStore(engine)
    assert store.counts().calls == 4
    assert verify_chain(engine).ok
    if is_sqlite(engine):
        with read_transaction(engine) as connection:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    assert len(store.save([judged_call(n) for n in range(8)]).stored) == 4
    assert verify_chain(engine).ok
