"""Reads the labelled sentences and scores the recognisers on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from xiaobao.privacy.finder import find_in_texts
from xiaobao.privacy.kinds import PiiKind, PiiSpan

CASES = Path(__file__).with_name("pii_cases.jsonl")
MAX_EXCESS = 4
"""Characters beyond the label that still count as the right span, e.g. 我家 before an address."""


@dataclass(frozen=True, slots=True)
class Label:
    turn: int
    start: int
    end: int
    kind: PiiKind


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    group: str
    turns: tuple[str, ...]
    labels: tuple[Label, ...]


@dataclass(slots=True)
class Tally:
    hits: int = 0
    misses: list[str] = field(default_factory=list)
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + len(self.misses)) if self.hits or self.misses else 1.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + len(self.wrong)) if self.right or self.wrong else 1.0


def load_cases() -> list[Case]:
    """All cases; the first line of the file tells where they come from."""
    lines = CASES.read_text("utf-8").splitlines()[1:]
    return [
        Case(
            id=record["id"],
            group=record["group"],
            turns=tuple(record["turns"]),
            labels=tuple(Label(turn, start, end, PiiKind(kind)) for turn, start, end, kind in record["spans"]),
        )
        for record in map(json.loads, lines)
    ]


def score(cases: Iterable[Case]) -> Tally:
    """A label is found when spans of its kind cover every character of it."""
    tally = Tally()
    for case in cases:
        spans = find_in_texts(case.turns)
        for label in case.labels:
            if _covered(label, spans):
                tally.hits += 1
            else:
                tally.misses.append(f"{case.id} {label.kind} {case.turns[label.turn]!r} {_shown(case, spans)}")
        for span in spans:
            if any(_agrees(span, label) for label in case.labels):
                tally.right += 1
            else:
                tally.wrong.append(
                    f"{case.id} {span.kind} {case.turns[span.turn][span.start : span.end]!r} {case.turns!r}"
                )
    return tally


def _covered(label: Label, spans: Iterable[PiiSpan]) -> bool:
    masked: set[int] = set()
    for span in spans:
        if span.turn == label.turn and span.kind is label.kind:
            masked.update(range(span.start, span.end))
    return masked.issuperset(range(label.start, label.end))


def _agrees(span: PiiSpan, label: Label) -> bool:
    excess = max(0, label.start - span.start) + max(0, span.end - label.end)
    return (
        span.turn == label.turn
        and span.kind is label.kind
        and span.start < label.end
        and label.start < span.end
        and excess <= MAX_EXCESS
    )


def _shown(case: Case, spans: Iterable[PiiSpan]) -> list[str]:
    return [f"{span.kind}:{case.turns[span.turn][span.start : span.end]}" for span in spans]
