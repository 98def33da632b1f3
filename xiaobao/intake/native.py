"""The fast path: one record in the interchange format, straight into the domain type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from pydantic import ValidationError

from xiaobao.domain import Transcript
from xiaobao.errors import IntakeError
from xiaobao.intake.hygiene import first_fault
from xiaobao.intake.json_values import JsonFaultError, parse_whole
from xiaobao.intake.normalise import parse_transcript
from xiaobao.intake.times import EPOCH_S, MS_LEAST, MS_PER_CHAR

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*(\\u0000)")
FAST_PATH_BYTES = 1024 * 1024
"""A record above this is most likely above a limit; the tolerant path counts first and builds afterwards."""
_UTC = timedelta(0)


def parse_json_bytes(
    data: bytes, *, file: str, line: int | None = None, fallback_call_id: str | None = None
) -> tuple[Transcript, tuple[str, ...]]:
    """One call from one JSON object in UTF-8, native or vendor spelling; notes are empty for a clean native record.

    Raises:
        IntakeError: not JSON (with the column), or not a call.
    """
    if len(data) <= FAST_PATH_BYTES:
        try:
            # The validator itself: `model_validate_json` adds a tenth in argument handling.
            call: Transcript = Transcript.__pydantic_validator__.validate_json(data)
        except ValidationError:
            pass
        else:
            if b"\\u0000" not in data and _plainly_sound(call):
                return call, ()
    obj = _loads(data, file=file, line=line)
    try:
        return parse_transcript(obj, file=file, line=line, fallback_call_id=fallback_call_id)
    except IntakeError as exc:
        nul = _NUL.search(data) if "U+0000" in exc.reason else None
        if nul is not None:
            exc.column = len(data[: nul.start(1)].decode(errors="replace")) + 1
        raise


def _plainly_sound(call: Transcript) -> bool:
    """Whether the schema is all that has to be checked; False sends the record down the tolerant path, never away.

    Looks for what the schema lets through: ids that are blank or unprintable, an epoch number read as UTC, times that
    are not finite, run backwards or are in milliseconds, a call without words, and odd values in free-form fields.
    """
    if not call.call_id.isprintable() or call.call_id.strip() != call.call_id:
        return False
    if not call.agent.id.strip() or not call.customer.id.strip():
        return False
    if call.started_at is not None and (
        call.started_at.utcoffset() == _UTC or not 1990 <= call.started_at.year <= 2100
    ):
        return False
    chars = 0
    blank = True
    latest = 0.0
    for turn in call.turns:
        chars += len(turn.text)
        if blank and turn.text and not turn.text.isspace():
            blank = False
        start, end = turn.start, turn.end
        if start is not None:
            if not 0 <= start < EPOCH_S:
                return False
            latest = max(latest, start)
        if end is not None:
            if not 0 <= end < EPOCH_S or (start is not None and end < start):
                return False
            latest = max(latest, end)
    if blank or (latest >= MS_LEAST and latest > MS_PER_CHAR * chars):
        return False
    return all(
        _simple(free) for free in (call.context, call.customer.model_extra, call.agent.model_extra) if free is not None
    )


def _simple(free: Mapping[str, object]) -> bool:
    for value in free.values():
        if value.__class__ is not str and value.__class__ is not bool and first_fault(value) is not None:
            return False
    return True


def _loads(data: bytes, *, file: str, line: int | None) -> object:
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        column = len(data[: exc.start].decode(errors="replace")) + 1
        reason = f"字节 0x{data[exc.start]:02X} 不是合法的 UTF-8"
        raise IntakeError(reason, file=file, line=line, column=column) from exc
    try:
        return parse_whole(text)
    except JsonFaultError as exc:
        column = exc.at - text.rfind("\n", 0, exc.at)
        if line is None:
            line = text.count("\n", 0, exc.at) + 1
        raise IntakeError(exc.reason, file=file, line=line, column=column) from exc
