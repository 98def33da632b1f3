"""`.txt` files: calls are split, checked line by line, and read one at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain

from xiaobao.errors import IntakeError
from xiaobao.intake.encoding import DAMAGED, detect_encoding
from xiaobao.intake.hygiene import text_fault
from xiaobao.intake.limits import IntakeLimits
from xiaobao.intake.normalise import parse_transcript
from xiaobao.intake.record import IntakeRecord, rejected
from xiaobao.intake.sources import Source
from xiaobao.intake.text_split import TextCall, split_calls


def read_text(source: Source, limits: IntakeLimits) -> Iterator[IntakeRecord]:
    """The calls of one text file; an unreadable character rejects the call it stands in, not the file."""
    encoding = detect_encoding(source.open, file=source.name)
    extra = (encoding.note,) if encoding.note else ()
    faults: list[IntakeError] = []
    with source.open() as handle:
        lines = io.TextIOWrapper(handle, encoding=encoding.codec, errors=DAMAGED)
        calls = split_calls(_checked_lines(lines, source.name, faults, limits.max_record_bytes))
        first = next(calls, None)
        if first is None:
            raise faults[0] if faults else IntakeError("文件里没有通话", file=source.name)
        second = next(calls, None)
        fallback = source.stem if second is None else None
        rest = chain([second] if second else [], calls)
        waiting = first
        for following in chain(rest, [None]):
            end = following.line if following else None
            fault = next((f for f in faults if f.line is not None and (end is None or f.line < end)), None)
            faults[:] = [f for f in faults if end is not None and f.line is not None and f.line >= end]
            yield _record(waiting, source.name, fallback, fault, extra)
            if following is None:
                return
            waiting = following


def _record(
    call: TextCall, file: str, fallback: str | None, fault: IntakeError | None, extra: tuple[str, ...]
) -> IntakeRecord:
    if fault is not None:
        return IntakeRecord(file, call.line, error=fault, call_id=call.call_id)
    if not call.turns:
        return rejected(IntakeError("没有对话轮次（没有“客服：…”或“客户：…”这样的行）", file=file, line=call.line))
    obj = {**call.headers, "turns": [turn.as_fields() for turn in call.turns]}
    if call.call_id is not None:
        obj["call_id"] = call.call_id
    try:
        transcript, notes = parse_transcript(
            obj, file=file, line=call.line, fallback_call_id=fallback, turn_lines=[turn.line for turn in call.turns]
        )
    except IntakeError as exc:
        return rejected(exc)
    return IntakeRecord(file, call.line, transcript, (*call.notes, *notes, *extra), call_id=transcript.call_id)


def _checked_lines(
    text: io.TextIOWrapper, file: str, faults: list[IntakeError], limit: int
) -> Iterator[tuple[int, str]]:
    number = 0
    while line := text.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise IntakeError(f"单行超过 {limit:,} 个字符的上限", file=file, line=number)
        if number == 1:
            line = line.removeprefix("\ufeff")
        fault = text_fault(line)
        if fault:
            faults.append(IntakeError(fault[0], file=file, line=number, column=fault[1] + 1))
            line = "".join(char for char in line if text_fault(char) is None)
        yield number, line
