"""What the review graph passes from node to node. One state is one chunk of calls, which share the graph's own cost.

No checkpointer: the chunk is the unit that is repeated after a crash, and storing it is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NotRequired, TypedDict

from agents.judge import VerifyReply
from xiaobao.domain import Citation, Finding, ModelRef, Score, SignalHit, Ticket, Transcript
from xiaobao.domain.remedy import RemedyBook
from xiaobao.findings import FindingFactory
from xiaobao.llm import ChatModel
from xiaobao.privacy import MaskedTranscript
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.verdict import RuleVerdict
from xiaobao.rules.view import CallView, PastContact
from xiaobao.scoring import Scorecard
from xiaobao.store.judgments import JudgedCall, JudgmentStore, SaveResult


@dataclass(frozen=True, slots=True)
class Case:
    """One call as intake handed it on."""

    transcript: Transcript
    notes: tuple[str, ...] = ()
    item: int | None = None
    """0-based place in its batch."""
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Normalised:
    """A call ready to be looked at: masked, hashed, dated."""

    case: Case
    masked: MaskedTranscript
    transcript_json: bytes
    sha256: str
    day: date
    """Calendar day in Asia/Shanghai whose law binds the call; the day of judging where the call has no time."""
    history: tuple[PastContact, ...] = ()


@dataclass(frozen=True, slots=True)
class Screened:
    """What rules and arithmetic say."""

    view: CallView
    verdicts: tuple[RuleVerdict, ...]
    """Of categories; without clear and not-applicable ones unless every outcome is asked for."""
    signals: tuple[SignalHit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said about one verdict, or why it said nothing that counts."""

    reply: VerifyReply | None
    problem: str | None = None
    """In Chinese; set exactly when `reply` is None."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One judged call on its way out."""

    case: Case
    judged: JudgedCall

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        return self.judged.tickets


class ReviewInput(TypedDict):
    cases: list[Case]


class ReviewState(ReviewInput):
    """Keys in the order in which nodes write them; a node may read what stands above its own."""

    started: float
    normalised: list[Normalised]
    screened: list[Screened]
    passages: list[dict[str, tuple[Citation, ...]]]
    """Per call: rule id → clauses to show the model, in force that day."""
    answers: NotRequired[list[dict[str, Answer]]]
    """Per call: rule id → answer; empty without a chat model."""
    findings: list[list[Finding]]
    scores: list[Score]
    tickets: list[tuple[Ticket, ...]]
    reviewed: list[Reviewed]
    saved: SaveResult | None


RankClauses = Callable[[str, Sequence[Citation], date], tuple[Citation, ...]]
"""Sentence, a rule's clauses, day → the clauses, most relevant first."""
FindHistory = Callable[[Sequence[Transcript]], Mapping[str, Sequence[PastContact]]]
"""Calls → call id → earlier contacts with the same customer."""


@dataclass(frozen=True, kw_only=True)
class ReviewContext:
    """What a run needs and must not persist."""

    rules: RuleSet
    factory: FindingFactory
    scorecard: Scorecard
    remedies: RemedyBook
    kb_snapshot: str
    now: Callable[[], datetime]
    chat: ChatModel | None = None
    chat_deadline_s: float = 60
    chat_concurrency: int = 4
    rank_clauses: RankClauses | None = None
    find_history: FindHistory | None = None
    store: JudgmentStore | None = None
    batch_id: str | None = None
    every_outcome: bool = False
    models: tuple[ModelRef, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
