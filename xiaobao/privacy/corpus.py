"""The turns of a call as one string, so that one pass of an expression covers all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

SEPARATOR = "\n"
"""Stands between turns. No recogniser crosses it, also where a turn holds one itself."""


class Corpus:
    """Joined turns and the way back to (turn, offset)."""

    __slots__ = ("starts", "text", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.text = SEPARATOR.join(texts)
        self.starts = [0, *accumulate(len(text) + 1 for text in texts)]
        """Offset of the first character of each turn, and one past the end."""

    def turn_of(self, position: int) -> int:
        """0-based turn that holds the character at `position`."""
        return bisect_right(self.starts, position) - 1

    def bounds(self, turn: int) -> tuple[int, int]:
        """Half-open range of a turn in `text`."""
        return self.starts[turn], self.starts[turn + 1] - 1
