"""What one rule says of one call, before any model is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from xiaobao.domain import FlowStep, OmissionProof
from xiaobao.rules.view import Hit

if TYPE_CHECKING:
    from xiaobao.rules.engine import CompiledRule

State = Literal["hit", "clear", "not_applicable", "unknown"]
"""`unknown`: the condition holds but cannot be proven by words of the party it binds."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    rule: CompiledRule
    state: State
    hits: tuple[Hit, ...] = ()
    """Folded ranges, of the bound party only; empty for an omission."""
    reason: str = ""
    omission: OmissionProof | None = None
    steps: tuple[FlowStep, ...] = ()
