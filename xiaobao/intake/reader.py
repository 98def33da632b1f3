"""Files in, records out: one record for everything that was met, and never an exception for bad content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from xiaobao.errors import IntakeError
from xiaobao.intake.csv_file import read_csv
from xiaobao.intake.json_files import read_document, read_jsonl
from xiaobao.intake.limits import DEFAULT_LIMITS, IntakeLimits
from xiaobao.intake.record import DuplicateTracker, IntakeRecord, rejected
from xiaobao.intake.sources import Source, find_sources
from xiaobao.intake.text_file import read_text
from xiaobao.intake.xlsx_file import read_xlsx

_READERS: dict[str, Callable[[Source, IntakeLimits], Iterator[IntakeRecord]]] = {
    ".json": read_document,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".xlsx": read_xlsx,
    ".txt": read_text,
}


def read_transcripts(
    paths: Sequence[Path], *, limits: IntakeLimits = DEFAULT_LIMITS, tracker: DuplicateTracker | None = None
) -> Iterator[IntakeRecord]:
    """Read files, folders and archives, in the order given; folders and zip members sorted by name.

    Lazy: JSONL, CSV and text are streamed. Every input record yields exactly one `IntakeRecord`: a transcript, an
    error, or the place of the identical call that was yielded before. Content never raises.

    Args:
        tracker: pass one to find duplicates across several runs.
    """
    seen = tracker or DuplicateTracker()
    for source in find_sources(paths, limits):
        if isinstance(source, IntakeError):
            yield rejected(source)
            continue
        try:
            for record in _READERS[source.suffix](source, limits):
                yield record if record.transcript is None else _unique(record, seen)
        except IntakeError as exc:
            yield rejected(exc)


def _unique(record: IntakeRecord, seen: DuplicateTracker) -> IntakeRecord:
    assert record.transcript is not None
    try:
        first = seen.check(record.transcript, file=record.file, line=record.line)
    except IntakeError as exc:
        return replace(record, transcript=None, notes=(), error=exc)
    if first is None:
        return record
    return replace(record, transcript=None, notes=(f"与 {first} 的通话相同，已跳过",), duplicate_of=first)
