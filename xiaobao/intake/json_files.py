"""JSONL streamed a line at a time, and `.json` documents that hold one call or a list of calls."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NoReturn

from xiaobao.errors import IntakeError
from xiaobao.intake.aliases import CALL_FIELDS, CONTAINERS, fold
from xiaobao.intake.encoding import DAMAGED, Encoding, detect_encoding
from xiaobao.intake.json_values import JsonFaultError, parse_value
from xiaobao.intake.limits import IntakeLimits
from xiaobao.intake.native import parse_json_bytes
from xiaobao.intake.normalise import parse_transcript
from xiaobao.intake.record import IntakeRecord, rejected
from xiaobao.intake.sources import Source

_SPACE = re.compile(r"[ \t\r\n]*")
_TURN_NAMES = set(CALL_FIELDS["turns"])


def read_jsonl(source: Source, limits: IntakeLimits) -> Iterator[IntakeRecord]:
    """One record a line; blank lines are none. A bad line is one error and the next line is read."""
    encoding = detect_encoding(source.open, file=source.name)
    extra = (encoding.note,) if encoding.note else ()
    number = seen = 0
    try:
        with source.open() as handle:
            for number, data in _lines(handle, encoding, limits.max_record_bytes):
                if data is None:
                    reason = f"单行超过 {limits.max_record_bytes:,} 字节的上限"
                    yield rejected(IntakeError(reason, file=source.name, line=number))
                    seen += 1
                    continue
                if not data.strip():
                    continue
                if not seen and data.strip() in (b"[", b"{") and _pretty_printed(source, encoding):
                    yield from read_document(source, limits)
                    return
                seen += 1
                try:
                    call, notes = parse_json_bytes(data, file=source.name, line=number)
                except IntakeError as exc:
                    yield rejected(exc)
                else:
                    yield IntakeRecord(source.name, number, call, notes + extra, call_id=call.call_id)
    except IntakeError as exc:
        exc.line = number + 1
        yield rejected(exc)
        return
    if not seen:
        yield rejected(IntakeError("文件里没有通话", file=source.name))


def _pretty_printed(source: Source, encoding: Encoding) -> bool:
    """Whether a file that begins with a lone bracket is one document under the wrong suffix, by its second line.

    Otherwise the bracket is just a bad line, and the lines after it are calls.
    """
    with source.open() as handle:
        text = handle.read(4096).decode(encoding.codec, errors="replace")
    opening, _, rest = text.strip().partition("\n")
    second = rest.strip().split("\n", 1)[0].rstrip()
    if opening.strip() == "{":
        return second.startswith('"')
    return second.startswith("{") and not second.endswith("}")


def _lines(handle: BinaryIO, encoding: Encoding, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines as UTF-8 bytes; None for a line above the limit, which is skipped without being held."""
    if encoding.codec == "utf-8-sig":
        number = 0
        while line := handle.readline(limit + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) <= limit:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = handle.readline(1 << 20)
            yield number, None
        return
    text = io.TextIOWrapper(handle, encoding=encoding.codec, errors=DAMAGED, newline="\n")
    number = 0
    while chars := text.readline(limit // 2):
        number += 1
        whole = chars.endswith("\n") or len(chars) < limit // 2
        while chars and not chars.endswith("\n") and not whole:
            chars = text.readline(1 << 20)
        yield number, chars.encode("utf-8", "surrogatepass") if whole else None


def read_document(source: Source, limits: IntakeLimits) -> Iterator[IntakeRecord]:
    """One call, a list of calls, or `{"calls": […]}`; accepted or refused as a document before any call is handed on.

    A JSONL file that was named `.json` is read as JSONL.
    """
    encoding = detect_encoding(source.open, file=source.name)
    with source.open() as handle:
        data = handle.read(limits.max_document_bytes + 1)
    if len(data) > limits.max_document_bytes:
        reason = f"JSON 文件超过 {limits.max_document_bytes:,} 字节的上限，请改用 JSONL"
        raise IntakeError(reason, file=source.name)
    text = data.decode(encoding.codec, errors=DAMAGED)
    del data
    if not text.strip():
        raise IntakeError("文件是空的", file=source.name)
    extra = (encoding.note,) if encoding.note else ()
    try:
        calls, single = _Document(text, source.name).calls()
    except _TrailingContentError as exc:
        first_line = text.lstrip().split("\n", 1)[0].strip()
        if first_line[:1] == "{" and first_line[-1:] == "}":
            yield from read_jsonl(source, limits)
            return
        raise exc.as_intake_error() from None
    if not calls:
        raise IntakeError("文件里没有通话", file=source.name)
    fallback = source.stem if single else None
    for line, obj in calls:
        try:
            call, notes = parse_transcript(obj, file=source.name, line=line, fallback_call_id=fallback)
        except IntakeError as exc:
            yield rejected(exc)
        else:
            yield IntakeRecord(source.name, line, call, notes + extra, call_id=call.call_id)


class _TrailingContentError(Exception):
    def __init__(self, error: IntakeError) -> None:
        self.error = error

    def as_intake_error(self) -> IntakeError:
        return self.error


class _Document:
    """Walks the outer levels by hand and leaves the calls to the parser: it says where each one ends."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._counted_to = 0
        self._line = 1

    def calls(self) -> tuple[list[tuple[int, Any]], bool]:
        """Line and object of each call, and whether the document is a single call.

        Raises:
            IntakeError: not JSON; names line and column.
            _TrailingContentError: a whole value and then more, as in JSONL.
        """
        at = self._skip(1 if self._text.startswith("\ufeff") else 0)
        if self._text[at : at + 1] == "[":
            found, end = self._elements(at)
            self._end(end)
            return found, len(found) == 1
        if self._text[at : at + 1] != "{":
            self._fail("文件应是 JSON 对象或列表", at)
        line = self._line_of(at)
        whole, container, end = self._members(at)
        self._end(end)
        if container is None or any(fold(key) in _TURN_NAMES for key in whole):
            if container is not None:
                whole[container[0]] = [obj for _, obj in container[1]]
            return [(line, whole)], True
        # What stands beside the list belongs to every call, unless a call says otherwise.
        shared = {key: value for key, value in whole.items() if not isinstance(value, list)}
        found = [(ln, {**shared, **obj} if isinstance(obj, Mapping) else obj) for ln, obj in container[1]]
        return found, False

    def _members(self, at: int) -> tuple[dict[str, Any], tuple[str, list[tuple[int, Any]]] | None, int]:
        whole: dict[str, Any] = {}
        container: tuple[str, list[tuple[int, Any]]] | None = None
        at = self._skip(at + 1)
        if self._text[at : at + 1] == "}":
            return whole, container, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                self._fail("此处应为键名", at)
            key, at = self._value(at)
            at = self._skip(at)
            if self._text[at : at + 1] != ":":
                self._fail("键名之后应为冒号", at)
            at = self._skip(at + 1)
            if container is None and fold(key) in CONTAINERS and self._text[at : at + 1] == "[":
                elements, at = self._elements(at)
                container = (key, elements)
            else:
                whole[key], at = self._value(at)
            at = self._skip(at)
            mark = self._text[at : at + 1]
            if mark == "}":
                return whole, container, at + 1
            if mark != ",":
                self._fail("此处应为逗号或右花括号", at)
            at = self._skip(at + 1)

    def _elements(self, at: int) -> tuple[list[tuple[int, Any]], int]:
        found: list[tuple[int, Any]] = []
        at = self._skip(at + 1)
        if self._text[at : at + 1] == "]":
            return found, at + 1
        while True:
            line = self._line_of(at)
            obj, at = self._value(at)
            found.append((line, obj))
            at = self._skip(at)
            mark = self._text[at : at + 1]
            if mark == "]":
                return found, at + 1
            if mark != ",":
                self._fail("此处应为逗号或右方括号", at)
            at = self._skip(at + 1)

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return parse_value(self._text, at)
        except JsonFaultError as exc:
            raise self._error(exc.reason, exc.at) from None

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _end(self, at: int) -> None:
        at = self._skip(at)
        if at < len(self._text):
            raise _TrailingContentError(self._error("JSON 之后还有多余内容", at))

    def _line_of(self, at: int) -> int:
        self._line += self._text.count("\n", self._counted_to, at)
        self._counted_to = at
        return self._line

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise self._error(reason if self._text[at:].strip() else "JSON 不完整（文件可能被截断）", at)

    def _error(self, reason: str, at: int) -> IntakeError:
        line = self._text.count("\n", 0, at) + 1
        return IntakeError(reason, file=self._file, line=line, column=at - self._text.rfind("\n", 0, at))
