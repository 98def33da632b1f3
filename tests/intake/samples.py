"""Builders of small calls and of the files that carry them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xiaobao.domain import Transcript
from xiaobao.errors import IntakeError
from xiaobao.intake import IntakeRecord, read_transcripts


def native(call_id: object = "C-1", **fields: Any) -> dict[str, Any]:
    """A complete call in the interchange format."""
    return {
        "call_id": call_id,
        "channel": "phone",
        "business": "collections",
        "direction": "outbound",
        "started_at": "2026-05-12T10:03:00+08:00",
        "agent": {"id": "A17", "name": "客服17"},
        "customer": {"id": "U93", "is_debtor": True},
        "context": {"contacts_today": 2},
        "turns": [
            {"speaker": "agent", "text": "您好，请问是王先生吗？", "start": 0.0, "end": 3.2},
            {"speaker": "customer", "text": "是我，什么事？", "start": 3.4, "end": 5.0},
        ],
    } | fields


def dumps(obj: object) -> bytes:
    return json.dumps(obj, ensure_ascii=False).encode()


def write_jsonl(path: Path, calls: Sequence[object], encoding: str = "utf-8") -> Path:
    text = "".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls)
    path.write_bytes(text.encode(encoding))
    return path


def read(*paths: Path, **options: Any) -> list[IntakeRecord]:
    """All records, each checked to be exactly one of transcript, error and duplicate."""
    records = list(read_transcripts(paths, **options))
    for record in records:
        fates = [record.transcript is not None, record.error is not None, record.duplicate_of is not None]
        assert sum(fates) == 1, record
    return records


def only(*paths: Path, **options: Any) -> IntakeRecord:
    records = read(*paths, **options)
    assert len(records) == 1, records
    return records[0]


def call_of(record: IntakeRecord) -> Transcript:
    assert record.transcript is not None, record.error
    return record.transcript


def error_of(record: IntakeRecord) -> IntakeError:
    assert record.error is not None, record
    return record.error
