"""Numbers read out over several turns, with the listener's echo in between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.cues import NUMBER_CUE, cues_asked
from xiaobao.privacy.digits import DIGIT, groups_of
from xiaobao.privacy.kinds import Candidate, PiiKind
from xiaobao.privacy.numbers import self_evident

# A turn that is nothing but digits and the little words of dictation.
_SMALL = (
    r"(?:[ \t,，.。、…~～!！?？\-嗯啊哦呃额哈对那就记了着吧吗呢]|好的?|是的?|然后|接着|后面|您?继续|收到|没错){0,8}"
)
_DIGITS_ONLY = re.compile(rf"{_SMALL}(?P<digits>[{DIGIT}](?:[ ,，、…\-]{{0,2}}[{DIGIT}]){{1,10}}[ ]?[Xx叉]?){_SMALL}")
_LONGEST_TURN = 60
"""Characters; a longer turn is not dictation."""
_ANY_DIGIT = re.compile(f"[{DIGIT}]")
_FILLER_TURN = 8
"""Longest turn without digits that does not end a dictation: 嗯, 您继续, 后头三个呢."""
_MAX_PIECES = 9
"""An ID read two digits at a time."""
_MAX_TURNS = 3 * _MAX_PIECES
"""Each piece with an echo and a correction; bounds the search in a call that is nothing but digits."""
_CODE_LENGTHS = (4, 6, 8)


@dataclass(frozen=True, slots=True)
class _Piece:
    turn: int
    start: int
    end: int
    digits: str
    spoken: bool


def find_dictated(corpus: Corpus) -> Iterator[Candidate]:
    """Every piece of a dictated number, each with the whole number as its value."""
    pieces = [
        _piece(corpus, turn, match)
        for turn, text in enumerate(corpus.texts)
        if len(text) <= _LONGEST_TURN and _ANY_DIGIT.search(text) and (match := _DIGITS_ONLY.fullmatch(text))
    ]
    if len(pieces) < 2 or not NUMBER_CUE.search(corpus.text):
        return
    for sequence in _sequences(corpus, pieces):
        yield from _numbers_in(corpus, sequence)


def _piece(corpus: Corpus, turn: int, match: re.Match[str]) -> _Piece:
    start, end = (corpus.starts[turn] + offset for offset in match.span("digits"))
    groups = groups_of(corpus.text, start, end)
    return _Piece(turn, start, end, "".join(group.digits for group in groups), any(group.spoken for group in groups))


def _sequences(corpus: Corpus, pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces with nothing but fillers between their turns."""
    current: list[_Piece] = []
    for piece in pieces:
        if current and not _only_fillers(corpus, current[-1].turn, piece.turn):
            yield current
            current = []
        current.append(piece)
    if current:
        yield current


def _only_fillers(corpus: Corpus, first: int, last: int) -> bool:
    between = range(first + 1, last)
    return len(between) <= 3 and all(len(corpus.texts[turn]) <= _FILLER_TURN for turn in between)


def _numbers_in(corpus: Corpus, sequence: Sequence[_Piece]) -> Iterator[Candidate]:
    index = 0
    while index < len(sequence):
        found = _longest(corpus, sequence, index)
        if found is None:
            index += 1
            continue
        stop, kind, value = found
        for piece in sequence[index:stop]:
            yield Candidate(piece.start, piece.end, kind, value)
        index = stop


def _longest(corpus: Corpus, sequence: Sequence[_Piece], first: int) -> tuple[int, PiiKind, str] | None:
    """The longest number of two or more pieces from `first`, with the echoes that belong to it."""
    value = sequence[first].digits
    parts = 1
    best: tuple[int, PiiKind, str] | None = None
    asked = cues_asked(corpus, sequence[first].turn)
    for stop in range(first + 1, min(len(sequence), first + _MAX_TURNS)):
        digits = sequence[stop].digits
        if value.endswith(digits) or digits == value:
            if best is not None and best[2] == value:
                best = stop + 1, best[1], value
            continue
        if parts == _MAX_PIECES:
            break
        value += digits
        parts += 1
        kind = self_evident(value, (len(value),), spoken=True, cues=asked)
        if kind is None and PiiKind.PASSWORD_CODE in asked and len(value) in _CODE_LENGTHS and len(digits) <= 4:
            kind = PiiKind.PASSWORD_CODE
        if kind is not None:
            best = stop + 1, kind, value
    return best
