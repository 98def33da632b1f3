"""Runs of digits as people type and say them: `138-1234 5678`, 一三八幺二三四…, 一百三十八 1234, 三个八.

Number words with a unit (一万三千五, 百分之十八) are amounts and never become digits here: verdicts hang on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DIGIT = "0-9０-９零〇○一二三四五六七八九幺"
_VALUES = str.maketrans("０１２３４５６７８９零〇○一二三四五六七八九幺", "01234567890001234567891")
_TIMES = {"两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6}

# 三个八 is three digits; 三个八月 and 六个一百 are not.
_REPEATED = rf"[两二三四五六2-6]个[{DIGIT}](?![十百千万亿月年天块元])"
_HUNDRED = r"一百[三四五六七八九]十[一二三四五六七八九]?"
_PAUSE = (
    r"(?:[ \t\u3000\-‐–—－.·,，、…~～]{1,3}"
    r"(?:[嗯啊呃哦额呢哈欸][,，、… ]{0,2})?"
    r"|[嗯啊呃哦额呢哈欸][,，、… ]{0,3}"
    r"|[,，、… ]{0,3}(?:然后|接着|再是|后[面头边]?(?:[两三四五六七八]个|[三四六八]位|的)?是?)[,，、… ]{0,2})"
)
_PAUSE_FIRST = r"(?=[ \t\u3000\-‐–—－.·,，、…~～嗯啊呃哦额呢哈欸然接再后])"
_TOKEN = rf"(?:{_REPEATED}|[{DIGIT}])"
_RUN = re.compile(
    # One set in front lets `re` skip to the next possible first character.
    rf"[{DIGIT}两](?:(?<=一)百[三四五六七八九]十[一二三四五六七八九]?{_PAUSE}?{_TOKEN}"
    rf"|(?<=[两二三四五六2-6])个[{DIGIT}](?![十百千万亿月年天块元])|(?<!两))"
    rf"(?:{_TOKEN}|{_PAUSE_FIRST}{_PAUSE}{_TOKEN}){{2,}}(?:{_PAUSE}?(?:[Xx叉](?![A-Za-z])|艾克斯))?"
)
_PIECE = re.compile(rf"(?P<aside>后[面头边]?[两三四五六七八][个位])|{_HUNDRED}|{_REPEATED}|[{DIGIT}]|[Xx叉]|艾克斯")


@dataclass(frozen=True, slots=True)
class Group:
    """Digits said or typed without a pause, in code points of the call."""

    start: int
    end: int
    digits: str
    """ASCII digits, upper-case X for a last check letter."""
    spoken: bool
    """Holds a Chinese numeral."""


def to_ascii(text: str) -> str:
    """Digits in any notation as ASCII digits; other characters stay."""
    return text.translate(_VALUES)


def runs(text: str) -> Iterator[tuple[Group, ...]]:
    """Every run of at least three digits, cut where its speaker paused."""
    for match in _RUN.finditer(text):
        yield groups_of(text, match.start(), match.end())


def groups_of(text: str, start: int, end: int) -> tuple[Group, ...]:
    """Cut `text[start:end]` into groups of touching digits of one script."""
    groups: list[Group] = []
    begin = last = -1
    digits: list[str] = []
    for piece in _PIECE.finditer(text, start, end):
        if piece["aside"]:
            continue
        # A change of script may be a change of word: 5224一直 ends with 5224.
        turned = last >= 0 and len(piece.group()) == 1 and piece.group().isascii() != text[last - 1].isascii()
        if digits and (piece.start() != last or turned):
            groups.append(_group(text, begin, last, digits))
            digits = []
        if not digits:
            begin = piece.start()
        digits.append(_value(piece.group()))
        last = piece.end()
    if digits:
        groups.append(_group(text, begin, last, digits))
    return tuple(groups)


def _group(text: str, begin: int, end: int, digits: list[str]) -> Group:
    return Group(begin, end, "".join(digits), not text[begin:end].isascii())


def _value(piece: str) -> str:
    if len(piece) == 1:
        return "X" if piece in "Xx叉" else piece.translate(_VALUES)
    if piece == "艾克斯":
        return "X"
    if piece.startswith("一百"):
        tens = piece[2:].replace("十", "")
        return "1" + (tens if len(tens) == 2 else tens + "0").translate(_VALUES)
    return piece[2].translate(_VALUES) * _TIMES[piece[0]]
