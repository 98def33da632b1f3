"""Judges files of calls: streams them in, spreads chunks over processes, and accounts for every record.

    received = judged + needs_human + rejected + duplicate

holds in the ledger of the database (with a store) and in the counts of the run (always). Results come in input order;
memory holds a few chunks, however long the file is.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from graphs.assembly import Services, assemble
from graphs.review_service import ReviewService
from graphs.review_state import Case, Reviewed
from xiaobao.domain import Transcript
from xiaobao.intake import IntakeRecord, read_transcripts
from xiaobao.settings import Settings
from xiaobao.store.batches import RejectedRecord

CHUNK = 128
"""Calls in one run of the graph and one transaction: large enough to share their cost, small enough to lose little."""
LARGE_INPUT_BYTES = 1_000_000
"""Above this, starting worker processes (about two seconds each) pays."""
AHEAD = 3
"""Chunks in flight for each worker; bounds memory and keeps workers busy."""

State = Literal["judged", "needs_human", "rejected", "duplicate"]


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one input record."""

    item: int
    """0-based place in the run."""
    file: str
    line: int | None
    state: State
    call_id: str | None = None
    reason: str = ""
    """Chinese; why it was rejected, or where its identical twin stands."""
    document: bytes | None = None
    """The judgment as one line of JSON; None for records that were not judged."""
    transcript: bytes | None = None
    tickets: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()


def default_workers(paths: Sequence[Path]) -> int:
    """All processors for a large input, one process for a small one."""
    size = sum(
        f.stat().st_size for path in paths for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()
    )
    return (os.cpu_count() or 1) if size > LARGE_INPUT_BYTES else 1


class BatchJudge:
    """One run over files. Iterate `run`; afterwards `counts` says what became of the records."""

    def __init__(
        self,
        services: Services,
        *,
        store: bool = True,
        every_outcome: bool = False,
        workers: int = 1,
    ) -> None:
        self._services = services
        self._store = store
        self._every_outcome = every_outcome
        # One chat model has one context: more processes would each load their own.
        self._workers = 1 if services.chat is not None else max(1, workers)
        self.counts: Counter[str] = Counter()
        self.batch_id: str | None = None

    def run(self, paths: Sequence[Path]) -> Iterator[BatchItem]:
        """Every record of `paths`, settled, in input order.

        Raises:
            StoreError: the database refused; what was stored before stays, and a repeated run continues from there.
        """
        self.batch_id = self._services.ledger.open("、".join(str(path) for path in paths)) if self._store else None
        chunks = self._received(enumerate(read_transcripts(paths)))
        settled = self._in_processes(chunks) if self._workers > 1 else self._in_process(chunks)
        for items in settled:
            self._enter_unjudged(items)
            for item in items:
                self.counts[item.state] += 1
                yield item

    def _received(self, records: Iterator[tuple[int, IntakeRecord]]) -> Iterator[list[tuple[int, IntakeRecord]]]:
        """Chunks of records, each noted as received before anything is done with it: what is lost shows as pending."""
        received = 0
        while chunk := list(islice(records, CHUNK)):
            received += len(chunk)
            if self.batch_id is not None:
                self._services.ledger.record_received(self.batch_id, received)
            yield chunk

    def _enter_unjudged(self, items: Sequence[BatchItem]) -> None:
        """Tell the ledger what the review graph does not see: records that could not be judged."""
        if self.batch_id is None:
            return
        bad = [
            RejectedRecord(item=i.item, file=i.file, line=i.line, code=i.state, reason=i.reason)
            for i in items
            if i.state in ("rejected", "duplicate")  # what the store refused is settled there and passed over here
        ]
        if bad:
            self._services.ledger.reject(self.batch_id, bad)

    def _in_process(self, chunks: Iterator[list[tuple[int, IntakeRecord]]]) -> Iterator[list[BatchItem]]:
        worker = _Worker(self._services, self._store, self._every_outcome)
        with asyncio.Runner() as runner:  # one loop for the whole run: a chat model's connections belong to it
            for chunk in chunks:
                cases, others = _split(chunk)
                yield _in_order(runner.run(worker.judge(cases, self.batch_id)), others)

    def _in_processes(self, chunks: Iterator[list[tuple[int, IntakeRecord]]]) -> Iterator[list[BatchItem]]:
        global _warm
        if self._store:
            _ = self._services.store  # migrate once, before the workers open the database
        # On Linux the workers are forked from this process and share its compiled rules. No database handle may cross a
        # fork, so all are closed first; they open again where they are next needed.
        self._services.release_connections()
        fork = sys.platform == "linux"
        _warm = self._services if fork else None
        first = next(chunks, None)  # read before the fork, so that the ledger's connection is closed again
        self._services.release_connections()
        pool = ProcessPoolExecutor(
            self._workers,
            mp_context=get_context("fork" if fork else "spawn"),
            initializer=_start_worker,
            initargs=(self._services.settings, self._store, self._every_outcome),
        )
        waiting: deque[tuple[Future[list[BatchItem]], list[BatchItem]]] = deque()
        with pool:
            for chunk in chain([first] if first else [], chunks):
                cases, others = _split(chunk)
                waiting.append((pool.submit(_judge_packed, [pack(case) for case in cases], self.batch_id), others))
                if len(waiting) >= self._workers * AHEAD:
                    future, rest = waiting.popleft()
                    yield _in_order(future.result(), rest)
            while waiting:
                future, rest = waiting.popleft()
                yield _in_order(future.result(), rest)


Packed = tuple[bytes, tuple[str, ...], int | None, str, int | None]
"""Transcript JSON, notes, item, file, line: JSON is smaller and quicker to send than pickled models."""


def pack(case: Case) -> Packed:
    return (
        Transcript.__pydantic_serializer__.to_json(case.transcript),
        case.notes,
        case.item,
        case.file,
        case.line,
    )


class _Worker:
    """Judges chunks in this process."""

    def __init__(self, services: Services, store: bool, every_outcome: bool) -> None:
        self._review: ReviewService = services.review(store=store, every_outcome=every_outcome)

    async def judge(self, cases: Sequence[Case], batch_id: str | None) -> list[BatchItem]:
        reviewed, saved = await self._review.review(cases, batch_id=batch_id)
        refused = {refusal.call_id: refusal.reason for refusal in saved.refused} if saved else {}
        return [_item(one, refused) for one in reviewed]


_warm: Services | None = None
"""What a forked worker inherits; None where workers are spawned and build their own."""
_worker: _Worker | None = None
_runner: asyncio.Runner | None = None


def _start_worker(settings: Settings, store: bool, every_outcome: bool) -> None:
    global _worker, _runner
    services = assemble(settings) if _warm is None else _warm.with_own_connections()
    _worker = _Worker(services, store, every_outcome)
    _runner = asyncio.Runner()
    gc.freeze()  # rules and words live as long as the worker; collecting them again and again costs a tenth of the time


def _judge_packed(packed: Sequence[Packed], batch_id: str | None) -> list[BatchItem]:
    assert _worker is not None and _runner is not None
    cases = [
        Case(Transcript.model_validate_json(document), notes, item, file, line)
        for document, notes, item, file, line in packed
    ]
    return _runner.run(_worker.judge(cases, batch_id))


def _split(chunk: Sequence[tuple[int, IntakeRecord]]) -> tuple[list[Case], list[BatchItem]]:
    """Calls to judge, and records that are settled already: rejected or duplicate."""
    cases: list[Case] = []
    others: list[BatchItem] = []
    for item, record in chunk:
        if record.transcript is not None:
            cases.append(Case(record.transcript, record.notes, item, record.file, record.line))
        elif record.error is not None:
            others.append(BatchItem(item, record.file, record.line, "rejected", reason=record.error.reason))
        else:
            others.append(
                BatchItem(item, record.file, record.line, "duplicate", record.call_id, f"与 {record.duplicate_of} 相同")
            )
    return cases, others


def _item(reviewed: Reviewed, refused: dict[str, str]) -> BatchItem:
    case, judged = reviewed.case, reviewed.judged
    assert case.item is not None
    state: State = "needs_human" if judged.judgment.needs_review else "judged"
    item = BatchItem(
        case.item,
        case.file,
        case.line,
        state,
        case.transcript.call_id,
        document=judged.document,
        transcript=judged.transcript_json,
        tickets=tuple(ticket.model_dump_json().encode() for ticket in judged.tickets),
        notes=case.notes,
    )
    reason = refused.get(case.transcript.call_id)
    return item if reason is None else replace(item, state="rejected", reason=reason, document=None)


def _in_order(judged: Sequence[BatchItem], others: Sequence[BatchItem]) -> list[BatchItem]:
    return sorted([*judged, *others], key=lambda item: item.item)
