"""A judged call as people may see it: personal data partly hidden, evidence still exact to the character."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from xiaobao.domain import Finding, Judgment, Outcome, Quote, Ticket, Transcript
from xiaobao.privacy import PiiSpan, display_segments, find_pii, mask_text


@dataclass(frozen=True)
class Piece:
    """A stretch of a turn, and the findings whose evidence it is."""

    text: str
    findings: tuple[str, ...] = ()
    """Finding ids, worst first; empty for text that proves nothing."""


class ShownCall:
    """One call with its judgment, ready for a page or a terminal."""

    def __init__(
        self, transcript: Transcript, judgment: Judgment, tickets: Sequence[Ticket] = (), notes: Sequence[str] = ()
    ) -> None:
        self.transcript = transcript
        self.judgment = judgment
        self.tickets = tuple(tickets)
        self.notes = tuple(notes)

    @cached_property
    def _pii(self) -> dict[int, list[PiiSpan]]:
        spans: dict[int, list[PiiSpan]] = defaultdict(list)
        for span in find_pii(self.transcript):
            spans[span.turn].append(span)
        return spans

    @cached_property
    def shown_findings(self) -> list[Finding]:
        """Worst first: violated before undetermined, critical before minor."""
        order = list(Outcome)
        return sorted(
            self.judgment.findings,
            key=lambda f: (order.index(f.outcome) if f.outcome is not Outcome.UNDETERMINED else 0.5, f.severity.rank),
        )

    @cached_property
    def _evidence(self) -> dict[int, list[tuple[Quote, str]]]:
        marks: dict[int, list[tuple[Quote, str]]] = defaultdict(list)
        for finding in self.shown_findings:
            if finding.outcome in (Outcome.VIOLATED, Outcome.UNDETERMINED):
                for quote in finding.quotes:
                    marks[quote.turn].append((quote, finding.finding_id))
        return marks

    def quote(self, quote: Quote) -> str:
        """The quoted words, partly hidden where they hold personal data."""
        pieces = self._cut(quote.turn, {quote.start, quote.end})
        return "".join(shown for start, end, shown in pieces if start < quote.end and end > quote.start)

    @staticmethod
    def words(text: str) -> str:
        """Any other sentence about the call, with personal data in it masked."""
        return mask_text(text)

    def turn(self, turn: int) -> list[Piece]:
        """The pieces of a turn, cut wherever a quote begins or ends."""
        marks = self._evidence.get(turn, [])
        cuts = {edge for quote, _ in marks for edge in (quote.start, quote.end)}
        return [
            Piece(shown, tuple(dict.fromkeys(fid for q, fid in marks if q.start < end and q.end > start)))
            for start, end, shown in self._cut(turn, cuts)
        ]

    def _cut(self, turn: int, cuts: set[int]) -> list[tuple[int, int, str]]:
        """(raw start, raw end, shown) pieces; a hidden value is never cut."""
        text = self.transcript.turns[turn].text
        pieces: list[tuple[int, int, str]] = []
        for start, end, shown in display_segments(text, self._pii.get(turn, [])):
            if shown != text[start:end]:
                pieces.append((start, end, shown))
                continue
            edges = [start, *sorted(cut for cut in cuts if start < cut < end), end]
            pieces += [(a, b, text[a:b]) for a, b in pairwise(edges)]
        return pieces
