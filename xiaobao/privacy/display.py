"""Partly hidden values for people who may read the call but not every digit: 张*, 138****1234."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xiaobao.domain import Transcript
from xiaobao.privacy.digits import groups_of
from xiaobao.privacy.kinds import PiiKind, PiiSpan
from xiaobao.privacy.surnames import COMPOUND

_CITY = re.compile(r".*?(?:省|自治区|市)(?:.{1,7}?(?:市|区|县|州))?")
_NUMERAL = re.compile(r"[0-9０-９零〇一二三四五六七八九十百幺A-Za-z]")


def display(transcript: Transcript, spans: Sequence[PiiSpan]) -> tuple[str, ...]:
    """The turns as people see them; lengths differ from the raw turns, see `display_segments`."""
    by_turn: dict[int, list[PiiSpan]] = {}
    for span in spans:
        by_turn.setdefault(span.turn, []).append(span)
    return tuple(
        "".join(shown for _, _, shown in display_segments(turn.text, by_turn.get(index, ())))
        for index, turn in enumerate(transcript.turns)
    )


def display_segments(text: str, spans: Sequence[PiiSpan]) -> list[tuple[int, int, str]]:
    """(raw start, raw end, shown text) of each piece of a turn, in order and without gaps.

    `spans` are those of this turn, sorted. A shown text that equals its raw piece may be cut at any raw offset; a
    hidden one is highlighted whole.
    """
    segments: list[tuple[int, int, str]] = []
    position = 0
    for span in spans:
        if span.start > position:
            segments.append((position, span.start, text[position : span.start]))
        segments.append((span.start, span.end, partly_hidden(text[span.start : span.end], span.kind)))
        position = span.end
    if position < len(text):
        segments.append((position, len(text), text[position:]))
    return segments


def partly_hidden(value: str, kind: PiiKind) -> str:
    """A value as a colleague may see it; a code or password shows nothing."""
    match kind:
        case PiiKind.NAME:
            keep = 2 if value[:2] in COMPOUND else 1
            return value[:keep] + "*" * (len(value) - keep)
        case PiiKind.ID_CARD | PiiKind.USCC:
            return _ends(_digits(value), 6, 4, least=15)
        case PiiKind.BANK_CARD:
            return _ends(_digits(value), 0, 4, least=12)
        case PiiKind.MOBILE:
            digits = _digits(value)
            return _ends(digits[-11:], 3, 4, least=11)
        case PiiKind.LANDLINE:
            return _ends(_digits(value), 3, 2, least=10)
        case PiiKind.EMAIL:
            name, at, host = value.partition("@")
            return value[:1] + "***" + (at + host if name else "")
        case PiiKind.ADDRESS:
            city = _CITY.match(value)
            return city.group() + "****" if city and city.end() < len(value) else _NUMERAL.sub("*", value)
        case PiiKind.PLATE:
            return value[:2] + "***" + value[-2:]
        case PiiKind.PASSPORT | PiiKind.WECHAT_QQ:
            return value[:1] + "***" + value[-2:]
        case PiiKind.PASSWORD_CODE:
            return "******"


def _digits(value: str) -> str:
    """Spoken digits as ASCII; letters of a code stay."""
    if value.isascii():
        return re.sub(r"[^0-9A-Za-z]", "", value)
    return "".join(group.digits for group in groups_of(value, 0, len(value)))


def _ends(digits: str, first: int, last: int, *, least: int) -> str:
    """First and last digits; a piece shorter than `least` is hidden whole, its ends would be most of it."""
    if len(digits) < least:
        return "*" * max(4, len(digits))
    return digits[:first] + "*" * min(8, len(digits) - first - last) + digits[-last:]
