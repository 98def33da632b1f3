"""What a review of one call concludes, with the proof of every part."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from xiaobao.domain.base import Frozen
from xiaobao.domain.clause import Citation
from xiaobao.domain.taxonomy import Severity


class Outcome(StrEnum):
    VIOLATED = "violated"
    COMPLIANT = "compliant"
    NOT_APPLICABLE = "not_applicable"
    UNDETERMINED = "undetermined"

    @property
    def zh(self) -> str:
        return {
            "violated": "违规",
            "compliant": "合规",
            "not_applicable": "不适用",
            "undetermined": "无法判定",
        }[self.value]


class Origin(StrEnum):
    ARITHMETIC = "arithmetic"
    RULE = "rule"
    SCREEN = "screen"
    MODEL = "model"
    HUMAN = "human"

    @property
    def zh(self) -> str:
        return {"arithmetic": "数据计算", "rule": "规则", "screen": "初筛模型", "model": "模型", "human": "人工"}[
            self.value
        ]


class Quote(Frozen):
    """An exact substring of a raw turn: `turns[turn].text[start:end] == text`."""

    turn: int = Field(ge=0)
    """0-based."""
    text: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    """Exclusive, in code points."""


class Check(Frozen):
    """One run-time proof of a finding; a failed one makes the finding undetermined."""

    name: str
    passed: bool
    detail: str = ""


class OmissionProof(Frozen):
    """Why something is said to be missing."""

    due: str
    """Where it was due, in Chinese."""
    due_turn: int | None = None
    """0-based turn by which it had to be said; None: by the end of the call."""
    searched: tuple[int, int]
    """Half-open range of turns that was searched."""
    searched_for: str
    nearest: Quote | None = None
    """The sentence in that range that comes closest, if any comes close at all."""


class FlowStep(Frozen):
    """A step of a required process as it went in this call."""

    step: str
    zh: str
    state: Literal["done", "missing", "out_of_order", "not_required"]
    turn: int | None = None


class Finding(Frozen):
    """The verdict of one rule on one call."""

    finding_id: str
    rule_id: str
    rule_title: str
    category: str
    outcome: Outcome
    severity: Severity
    turns: tuple[int, ...] = ()
    """0-based turns that show it; empty for an omission."""
    quotes: tuple[Quote, ...] = ()
    citations: tuple[Citation, ...] = ()
    rationale: str
    origin: Origin
    confidence: float = Field(ge=0, le=1)
    """Precision of this rule's verdicts on the dev corpus where measured; not a model's own claim."""
    checks: tuple[Check, ...] = ()
    undetermined_reason: str | None = None
    omission: OmissionProof | None = None
    steps: tuple[FlowStep, ...] = ()


class SignalHit(Frozen):
    """Something the customer showed, with the words that show it."""

    signal: str
    turns: tuple[int, ...] = ()
    quotes: tuple[Quote, ...] = ()
    rule_id: str


class ScoreItem(Frozen):
    item: str
    zh: str
    state: Literal["earned", "lost", "not_applicable", "undetermined"]
    points: float
    max_points: float
    finding_ids: tuple[str, ...] = ()


class ScoreSection(Frozen):
    section: str
    zh: str
    earned: float
    possible: float
    """Points that could be earned; items that do not apply have left the denominator."""
    items: tuple[ScoreItem, ...] = ()


class Score(Frozen):
    """Service quality, 0–100; `auto_fail` says that a critical violation overrides the total."""

    total: float = Field(ge=0, le=100)
    sections: tuple[ScoreSection, ...] = ()
    auto_fail: bool
    scorecard: str
    """`<name>@<revision>`."""


class ModelRef(Frozen):
    role: str
    name: str
    sha256: str | None = None


class Provenance(Frozen):
    """Everything needed to repeat the judgment."""

    ruleset: str
    """`sha256:` of the compiled policy pack."""
    models: tuple[ModelRef, ...] = ()
    prompts: dict[str, str] = Field(default_factory=dict)
    """Prompt name → sha256."""
    kb_snapshot: str
    transcript_sha256: str
    product_version: str


class Usage(Frozen):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ms: float = 0
    """Wall time of this call's share of its chunk, in milliseconds."""


class Judgment(Frozen):
    """All findings on one call (one JSON object a call)."""

    schema_version: Literal[1] = 1
    call_id: str
    judged_at: AwareDatetime
    findings: tuple[Finding, ...]
    signals: tuple[SignalHit, ...]
    score: Score
    tickets: tuple[str, ...]
    """Ids of the drafted tickets."""
    needs_review: bool
    review_reasons: tuple[str, ...] = ()
    provenance: Provenance
    usage: Usage
