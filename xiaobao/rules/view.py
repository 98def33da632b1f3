"""One call as the rules see it: folded turns, who said them, what the scan found, and the facts around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from xiaobao.domain import Quote, Speaker, Transcript
from xiaobao.domain.rule import PARTIES, Window
from xiaobao.rules.text import CLAUSE_ENDS, fold, fold_offsets, may_need_folding

QUOTE_CHARS = 60
"""A quote grows to its sentence but not beyond this length (a reader's line)."""


class Hit(NamedTuple):
    """A matched range of one folded turn. Sorts by place."""

    turn: int
    start: int
    end: int


class PastContact(NamedTuple):
    """An earlier call with the same customer, from the store."""

    call_id: str
    started_at: datetime
    outbound: bool


def fold_turns(transcript: Transcript) -> list[str]:
    """The folded text of every turn."""
    texts = [turn.text for turn in transcript.turns]
    if not may_need_folding("".join(texts)):
        return texts
    return [fold(text) if may_need_folding(text) else text for text in texts]


def turns_of(bits: int) -> list[int]:
    """Ascending 0-based turns whose bits are set."""
    turns: list[int] = []
    while bits:
        lowest = bits & -bits
        turns.append(lowest.bit_length() - 1)
        bits ^= lowest
    return turns


def party_turns(transcript: Transcript) -> dict[str, int]:
    """Party → the turns it spoke, as bits (bit 0 is turn 0)."""
    by_speaker = dict.fromkeys(Speaker, 0)
    bit = 1
    for turn in transcript.turns:
        by_speaker[turn.speaker] |= bit
        bit <<= 1
    parties = {}
    for party, speakers in PARTIES.items():
        bits = 0
        for speaker in speakers:
            bits |= by_speaker[speaker]
        parties[party] = bits
    return parties


class CallView:
    """Everything a condition may look at. Built once a call, shared by all rules, never by threads."""

    def __init__(
        self,
        transcript: Transcript,
        texts: Sequence[str],
        found: Mapping[int, int],
        history: Sequence[PastContact] = (),
    ) -> None:
        self.transcript = transcript
        self.texts = texts
        self.found = found
        self.history = history
        self.speakers: list[Speaker] = [turn.speaker for turn in transcript.turns]
        self.act_memo: dict[str, Any] = {}
        self.found_ids = frozenset(found)
        self._facts: dict[str, Any] = {}
        self._positions: dict[str, dict[int, int]] = {}

    def in_window(self, turn: int, party: str, window: Window) -> bool:
        """Whether `turn` of `party` stands inside `window`."""
        places = self._positions.get(party)
        if places is None:
            speakers = PARTIES[party]
            mine = [i for i, speaker in enumerate(self.speakers) if speaker in speakers]
            places = self._positions[party] = {turn: n for n, turn in enumerate(mine)}
        place = places.get(turn)
        if place is None:
            return False
        if window.first_turns is not None and place >= window.first_turns:
            return False
        if window.last_turns is not None and place < len(places) - window.last_turns:
            return False
        start = self.transcript.turns[turn].start
        if window.first_s is not None and (start is None or start > window.first_s):
            return False
        return not (
            window.last_s is not None
            and (start is None or self._last_s is None or start < self._last_s - window.last_s)
        )

    @cached_property
    def _last_s(self) -> float | None:
        ends = [t.end if t.end is not None else t.start for t in self.transcript.turns]
        return max((end for end in ends if end is not None), default=None)

    def fact(self, path: str) -> Any:
        """The value at a dotted path, or None where any part of it is absent."""
        if path not in self._facts:
            value: Any = self.transcript
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
                if value is None:
                    break
            self._facts[path] = value
        return self._facts[path]

    def raw_range(self, hit: Hit) -> tuple[int, int]:
        """The hit as `[start, end)` of the raw turn."""
        raw = self.transcript.turns[hit.turn].text
        if raw == self.texts[hit.turn]:
            return hit.start, hit.end
        offsets = fold_offsets(raw)
        # The end is that of the last matched character, so that dropped characters after it stay outside.
        return offsets[hit.start], offsets[hit.end - 1] + 1

    def quote(self, hit: Hit) -> Quote:
        """The hit with the clause around it, cut to `QUOTE_CHARS`; always a verbatim range of the raw turn."""
        text = self.transcript.turns[hit.turn].text
        start, end = self.raw_range(hit)
        room = max(0, QUOTE_CHARS - (end - start))
        left = start
        while left > 0 and start - left < room and text[left - 1] not in CLAUSE_ENDS + ",!?;\n":
            left -= 1
        right = end
        while right < len(text) and (right - end) + (start - left) < room and text[right] not in CLAUSE_ENDS + ",!?;\n":
            right += 1
        while left < start and text[left].isspace():
            left += 1
        while right > end and text[right - 1].isspace():
            right -= 1
        return Quote(turn=hit.turn, text=text[left:right], start=left, end=right)
