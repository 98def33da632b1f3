"""One spelling for search: width, case, and traditional characters are folded; the shown text keeps its own."""

from __future__ import annotations

import unicodedata
from functools import cache

from opencc import OpenCC

_VARIANTS = {"帐": "账", "臺": "台", "裡": "里", "麽": "么", "麼": "么"}
"""Spellings that the conversion tables leave apart but readers do not."""


class _Simplify(dict[int, str]):
    """A `str.translate` table filled on demand: one dictionary look-up per distinct character, not per occurrence."""

    def __init__(self, converter: OpenCC) -> None:
        super().__init__()
        self._converter = converter

    def __missing__(self, codepoint: int) -> str:
        char = chr(codepoint)
        # ASCII is most of a digit-heavy text, and no table changes it.
        simple = char if char.isascii() else self._converter.convert(_VARIANTS.get(char, char))
        self[codepoint] = folded = _VARIANTS.get(simple, simple)
        return folded


@cache
def _table() -> _Simplify:
    return _Simplify(OpenCC("t2s"))


def fold(text: str) -> str:
    """NFKC, lower case, simplified characters. Not for display: offsets may move."""
    return unicodedata.normalize("NFKC", text).lower().translate(_table())
