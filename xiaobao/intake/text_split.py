"""Plain text, one `客服：…` a line, into calls and turns. Shows its work: a person can look at the split first."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from xiaobao.intake.aliases import CALL_FIELDS, CONTEXT_FIELDS, fold
from xiaobao.intake.speakers import known_role, names_a_side

_TIME = r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T])?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_OPEN, _CLOSE = r"[\[【(（<]", r"[\]】)）>]"
_STAMP = rf"{_OPEN}?\s?({_TIME})(?:\s?(?:-|–|~|至|-->)\s?({_TIME}))?\s?{_CLOSE}?"
_SPEECH = re.compile(
    rf"\s{{0,20}}(?:{_STAMP}\s{{0,4}})?"
    r"([^\s:：\[\]【】<>，。？！,?!]{1,20}(?:\s?[(（][^()（）]{1,20}[)）])?)"
    rf"\s{{0,4}}(?:{_STAMP}\s{{0,4}})?[:：](?!//)(.*)",
    re.DOTALL,
)
_TAGGED = re.compile(rf"\s{{0,20}}(?:{_STAMP}\s{{0,4}})?[\[【]([^\[\]【】]{{1,12}})[\]】]\s{{0,4}}(.*)", re.DOTALL)
_RULER = re.compile(r"\s{0,20}([=\-#*])\1{2,}(?:\s{0,20}(\S.{0,250}?)\s{0,20}\1{3,})?\s{0,20}")
_HEADER_NAMES = {name for names in CALL_FIELDS.values() for name in names} | set(CONTEXT_FIELDS)
_ID_NAMES = set(CALL_FIELDS["call_id"])


@dataclass(frozen=True)
class TextTurn:
    """One turn as split; `label` is the speaker as written."""

    label: str
    text: str
    line: int
    """1-based line in the file."""
    start: str | None = None
    """Time stamp as written."""
    end: str | None = None

    def as_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"speaker": self.label, "text": self.text}
        if self.start is not None:
            fields["start"] = self.start
        if self.end is not None:
            fields["end"] = self.end
        return fields


@dataclass(frozen=True)
class TextCall:
    """One call as split."""

    call_id: str | None
    headers: dict[str, str]
    """`业务：催收` lines above the first turn, under the name as written."""
    turns: tuple[TextTurn, ...]
    line: int
    """1-based line at which the call begins."""
    notes: tuple[str, ...] = ()


@dataclass
class _Open:
    """The call being read."""

    line: int
    call_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    preamble: list[str] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return bool(self.call_id or self.headers or self.preamble or self.lines)


def preview_text_split(text: str) -> tuple[TextCall, ...]:
    """How intake would split this text: calls, their header fields, speakers, turns and notes."""
    # Lines end where a text file's lines end; `splitlines` would also break at form feeds and U+2028.
    return tuple(split_calls(enumerate(io.StringIO(text, newline=None), 1)))


def split_calls(lines: Iterable[tuple[int, str]]) -> Iterator[TextCall]:
    """Split numbered lines into calls, holding one call at a time.

    A new call begins at a ruler (`=== C-1 ===`, `-----`) or at a header line with a call id after a blank line.
    """
    call = _Open(line=1)
    after_blank = True
    for number, raw in lines:
        line = raw.rstrip("\r\n")
        if not line.strip():
            after_blank = True
            continue
        ruler = _RULER.fullmatch(line) if len(line) <= 300 else None
        header = _header(line)
        if ruler or (header and fold(header[0]) in _ID_NAMES and after_blank and call.lines):
            if call.begun:
                yield _close(call)
            call = _Open(line=number)
        if ruler:
            if ruler[2]:
                titled = _header(ruler[2])
                call.call_id = titled[1] if titled and fold(titled[0]) in _ID_NAMES else ruler[2].strip()
        elif header and not call.lines:
            if not call.begun:
                call.line = number
            if fold(header[0]) in _ID_NAMES and call.call_id is None:
                call.call_id = header[1]
            elif header[0] in call.headers:
                call.preamble.append(line.strip())
            else:
                call.headers[header[0]] = header[1]
        elif not call.lines and _speech(line) is None:
            if not call.begun:
                call.line = number
            call.preamble.append(line.strip())
        else:
            if not call.begun:
                call.line = number
            call.lines.append((number, line))
        after_blank = False
    if call.begun:
        yield _close(call)


def _header(line: str) -> tuple[str, str] | None:
    """`通话编号：C-1` → name and value; never a line that names a speaker."""
    name, colon, value = line.replace("：", ":", 1).partition(":") if len(line) <= 1000 else ("", "", "")
    name = name.strip()
    if not colon or not 0 < len(name) <= 20 or not value.strip() or names_a_side(name):
        return None
    return (name, value.strip()) if fold(name) in _HEADER_NAMES else None


def _speech(line: str) -> tuple[str, str, str | None, str | None] | None:
    """Label, text, start and end of a line that may begin a turn."""
    head = line[:200]  # a label and its stamps fit here; the pattern never sees a whole megabyte
    found = _SPEECH.fullmatch(head)
    if found:
        start, end, label, late_start, late_end, text = found.groups()
        if not (label.isdigit() and text[:1].isdigit()):  # 10:30 is a time, not speaker 10
            if start and late_start:  # one stamp is the time; a second one is kept as part of what was said
                return label, line[found.start(4) :], start, end
            return label, (text + line[200:]).lstrip(), start or late_start, end or late_end
    tagged = _TAGGED.fullmatch(head)
    if tagged:
        start, end, label, text = tagged.groups()
        if names_a_side(label):
            return label, (text.lstrip(":： ") + line[200:]).lstrip(), start, end
    return None


def _close(call: _Open) -> TextCall:
    spoken = [(number, line, _speech(line)) for number, line in call.lines]
    labels = Counter(speech[0] for _, _, speech in spoken if speech)
    anyone_known = any(names_a_side(label) for label in labels)
    # An unknown label counts as a speaker when it speaks twice or nobody is known; once could be "时间：明天下午".
    speakers = {label for label, n in labels.items() if names_a_side(label) or n > 1 or not anyone_known}
    turns: list[TextTurn] = []
    joined: list[str] = []
    notes: list[str] = []
    preamble = list(call.preamble)
    current: tuple[str, int, str | None, str | None] | None = None

    def finish() -> None:
        if current is not None:
            label, number, start, end = current
            turns.append(TextTurn(label=label, text="\n".join(joined), line=number, start=start, end=end))

    continued = 0
    for number, line, speech in spoken:
        if speech and speech[0] in speakers:
            finish()
            current = (speech[0], number, speech[2], speech[3])
            joined = [speech[1].rstrip()]
            continue
        if current is None:
            preamble.append(line.strip())
            continue
        if speech and known_role(speech[0]) is None:
            notes.append(f"第 {number} 行的 {speech[0][:20]!r} 只出现一次，未当作说话人，并入上一轮")
        continued += 1
        joined.append(line.strip())
    finish()
    if continued:
        notes.append(f"{continued} 行没有说话人，并入上一轮")
    headers = dict(call.headers)
    if preamble:
        headers["preamble"] = "\n".join(preamble)
        notes.append(f"首个说话人之前有 {len(preamble)} 行，记入 context.preamble")
    return TextCall(call_id=call.call_id, headers=headers, turns=tuple(turns), line=call.line, notes=tuple(notes[:20]))
