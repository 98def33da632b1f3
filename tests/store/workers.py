"""What the store tests run in other processes."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from tests.store.samples import judged_call
from xiaobao.store.engine import create_store_engine
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade


def save_share(url: str, first: int, calls: int, per_save: int) -> int:
    """Save `calls` calls from number `first` on, `per_save` in one transaction; returns how many were stored."""
    engine = create_store_engine(url)
    upgrade(engine)
    store = JudgmentStore(engine)
    stored = 0
    for start in range(first, first + calls, per_save):
        stored += len(store.save([judged_call(n) for n in range(start, start + per_save)]).stored)
    engine.dispose()
    return stored


def save_and_die(url: str, point: str) -> None:
    """Save calls 0–3, say so on stdout, then kill this process at `point` of saving calls 4–7."""
    engine = create_store_engine(url)
    store = JudgmentStore(engine)
    store.save([judged_call(n) for n in range(4)])
    print("acknowledged", flush=True)
    call_at(engine, point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    store.save([judged_call(n) for n in range(4, 8)])


def call_at(engine: Engine, point: str, action: Any) -> None:
    """Call `action` just before the first statement that starts with `point`, or before `COMMIT`."""
    if point == "COMMIT":
        event.listen(engine, "commit", lambda _connection: action())
        return

    @event.listens_for(engine, "before_cursor_execute")
    def _watch(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(point):
            action()


if __name__ == "__main__":
    save_and_die(sys.argv[1], sys.argv[2])
