"""What intake hands on: exactly one record for every call, row group or file it met."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from xiaobao.domain import Transcript
from xiaobao.errors import IntakeError


@dataclass(frozen=True, slots=True)
class IntakeRecord:
    """The fate of one input record: exactly one of `transcript`, `error` and `duplicate_of` is set."""

    file: str
    """Path as given, or `archive.zip!member`."""
    line: int | None
    """1-based line (text, JSON), or row (tables), where the record begins; None for a fault of the whole file."""
    transcript: Transcript | None = None
    notes: tuple[str, ...] = ()
    """Chinese; every decision intake took for the sender."""
    error: IntakeError | None = None
    duplicate_of: str | None = None
    """Place of an identical call of the same run, which was handed on there."""
    call_id: str | None = None
    """Set when the record got far enough to have one."""


def rejected(error: IntakeError) -> IntakeRecord:
    return IntakeRecord(file=error.file, line=error.line, error=error)


def place(file: str, line: int | None) -> str:
    return file if line is None else f"{file} 第 {line} 行"


class DuplicateTracker:
    """Remembers the calls of one run: 16 bytes of content hash and the place of each, never the content."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[bytes, str, int | None]] = {}

    def check(self, call: Transcript, *, file: str, line: int | None) -> str | None:
        """Where an identical call was seen before, or None when `call_id` is new.

        Raises:
            IntakeError: the same `call_id` was seen with other content; both places are named.
        """
        # The serializer itself: `model_dump_json` costs half as much again in argument handling.
        digest = blake2b(Transcript.__pydantic_serializer__.to_json(call), digest_size=16).digest()
        here = (digest, file, line)
        first = self._seen.setdefault(call.call_id, here)
        if first is here:
            return None
        if first[0] == digest:
            return place(first[1], first[2])
        raise IntakeError(
            f"通话编号 {call.call_id!r} 重复且内容不同：首次出现在 {place(first[1], first[2])}，此处未采用",
            file=file,
            line=line,
        )
