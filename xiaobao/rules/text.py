"""The matching view of a turn: one spelling for what is said the same, with the way back to the raw text.

Folded: traditional to simplified characters, full-width letters and digits to ASCII, upper to lower case, ASCII
punctuation to its Chinese form (so that a pattern and a text agree whichever keyboard was used). Dropped: white space,
zero-width and control characters. Everything else, ASR errors included, stays as it is: a repair that guesses could
invent a violation.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from importlib.resources import files

SENTENCE_ENDS = "。！？；"
CLAUSE_ENDS = SENTENCE_ENDS + "，、：…—"
_ASCII_PUNCTUATION = {",": "，", "!": "！", "?": "？", ":": "：", ";": "；", "(": "（", ")": "）", "｡": "。"}


def _traditional_to_simplified() -> dict[str, str]:
    """One-to-one character folding of OpenCC (the first, most frequent form where several exist)."""
    text = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text("utf-8")
    pairs = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {old: new.split(" ")[0] for old, new in pairs if len(old) == 1}


@cache
def _table() -> dict[int, str]:
    """Code point → replacement; an empty string drops the character."""
    table: dict[int, str] = {}
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            table[code] = ""
        elif 0xFF10 <= code <= 0xFF5A and char.isalnum():
            table[code] = unicodedata.normalize("NFKC", char).lower()
        elif category == "Lu" and len(char.lower()) == 1:
            table[code] = char.lower()
    for old, new in _traditional_to_simplified().items():
        if len(new) == 1:
            table[ord(old)] = new
    for old, new in _ASCII_PUNCTUATION.items():
        table[ord(old)] = new
    return table


@cache
def _may_need_folding() -> re.Pattern[str]:
    """Matches every character that `fold` changes, and all beyond the BMP: one range there keeps the set a bitmap."""
    codes = [code for code in sorted(_table()) if code <= 0xFFFF]
    ranges: list[str] = []
    start = previous = codes[0]
    for code in [*codes[1:], 0x20000]:
        if code != previous + 1:
            ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
            start = code
        previous = code
    return re.compile("[" + "".join(ranges) + "\\U00010000-\\U0010ffff]")


def may_need_folding(text: str) -> bool:
    """False only if `fold(text) == text`; one fast search that spares most texts the slower path."""
    return _may_need_folding().search(text) is not None


def fold(text: str) -> str:
    """The matching view of `text`. Idempotent; never longer than `text`."""
    return text.translate(_table())


def fold_offsets(text: str) -> list[int]:
    """For every index of `fold(text)`, the index of `text` it came from; one more entry for the end."""
    table = _table()
    kept = [i for i, char in enumerate(text) if table.get(ord(char), char) != ""]
    kept.append(len(text))
    return kept


def sentence_bounds(text: str, start: int, end: int, *, ends: str = SENTENCE_ENDS) -> tuple[int, int]:
    """The sentence of the folded `text` that holds `[start, end)`, without its closing mark."""
    left = max((text.rfind(mark, 0, start) for mark in ends), default=-1) + 1
    rights = [at for at in (text.find(mark, end) for mark in ends) if at >= 0]
    return left, min(rights, default=len(text))
