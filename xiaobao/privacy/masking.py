"""The masked view a model reads, and the way back to the raw words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from xiaobao.domain import Transcript
from xiaobao.privacy.finder import find_in_texts, find_pii
from xiaobao.privacy.kinds import PiiSpan

Range = tuple[int, int]
"""Half-open, in code points."""


@dataclass(frozen=True, slots=True)
class MaskedTranscript:
    """Turns with placeholders in place of personal data.

    A range that touches a placeholder, or personal data, grows to the whole of it when it is mapped.
    """

    texts: tuple[str, ...]
    """Masked turns, one for each turn of the call."""
    spans: tuple[PiiSpan, ...]
    """In raw offsets."""
    raw_texts: tuple[str, ...]

    def to_raw(self, turn: int, start: int, end: int) -> Range | None:
        """Raw range of `texts[turn][start:end]`; None when that is empty or not inside the turn."""
        return _map(((masked, raw, whole) for raw, masked, whole in self._pieces(turn)), start, end)

    def to_masked(self, turn: int, start: int, end: int) -> Range | None:
        """Masked range of `raw_texts[turn][start:end]`; None when that is empty or not inside the turn."""
        return _map(self._pieces(turn), start, end)

    def restore(self, text: str) -> str:
        """`text` with this call's placeholders replaced by what was said, in its longest form."""
        values: dict[str, str] = {}
        for span in self.spans:
            said = self.raw_texts[span.turn][span.start : span.end]
            if len(said) > len(values.get(span.placeholder, "")):
                values[span.placeholder] = said
        for placeholder, said in values.items():
            text = text.replace(placeholder, said)
        return text

    def _pieces(self, turn: int) -> Iterator[tuple[Range, Range, bool]]:
        """(raw range, masked range, is personal data) of each piece of a turn, in order."""
        if not 0 <= turn < len(self.texts):
            return
        raw = masked = 0
        for span in self.spans:
            if span.turn != turn:
                continue
            plain = span.start - raw
            yield (raw, span.start), (masked, masked + plain), False
            masked += plain
            yield (span.start, span.end), (masked, masked + len(span.placeholder)), True
            raw, masked = span.end, masked + len(span.placeholder)
        yield (raw, len(self.raw_texts[turn])), (masked, len(self.texts[turn])), False


def mask(transcript: Transcript) -> MaskedTranscript:
    """Replace personal data by placeholders that are stable within the call."""
    texts = tuple(turn.text for turn in transcript.turns)
    spans = find_pii(transcript)
    return MaskedTranscript(texts=replace_spans(texts, spans), spans=spans, raw_texts=texts)


def mask_text(text: str) -> str:
    """Mask a log line or other free text that belongs to no call."""
    return replace_spans((text,), find_in_texts((text,)))[0]


def replace_spans(texts: Sequence[str], spans: Sequence[PiiSpan]) -> tuple[str, ...]:
    """Turns with each span's placeholder in its place; `spans` sorted."""
    masked = list(texts)
    for turn, of_turn in groupby(spans, key=attrgetter("turn")):
        text, parts, position = texts[turn], [], 0
        for span in of_turn:
            parts += (text[position : span.start], span.placeholder)
            position = span.end
        parts.append(text[position:])
        masked[turn] = "".join(parts)
    return tuple(masked)


def _map(pieces: Iterator[tuple[Range, Range, bool]], start: int, end: int) -> Range | None:
    """Carry `start:end` from the first to the second range of the pieces it touches."""
    if not 0 <= start < end:
        return None
    first = last = covered = -1
    for source, target, whole in pieces:
        covered = source[1]
        if source[0] < end and start < source[1]:
            if first < 0:
                first = target[0] if whole else target[0] + max(0, start - source[0])
            last = target[1] if whole else target[0] + min(end, source[1]) - source[0]
    return (first, last) if first >= 0 and end <= covered else None
