"""Rules about what was not said, with the proof: where it was due, what was searched, what came closest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xiaobao.domain import OmissionProof, Quote
from xiaobao.domain import rule as spec
from xiaobao.rules.conditions import Node
from xiaobao.rules.verdict import RuleVerdict
from xiaobao.rules.view import CallView, Hit

if TYPE_CHECKING:
    from xiaobao.rules.engine import CompiledRule

NEAREST_BIGRAMS = 2
"""Shared character pairs below which a sentence is not "near" what was looked for."""


class CompiledOmission:
    def __init__(self, omission: spec.Omission, compile_node: Callable[[spec.Condition], Node]) -> None:
        self.spec = omission
        self.required = compile_node(omission.required)
        self.due = compile_node(omission.due) if omission.due else None


def judge_omission(rule: CompiledRule, omission: CompiledOmission, view: CallView) -> RuleVerdict:
    """Violated when the duty arose and nothing fulfilled it in time."""
    due: Hit | None = None
    reason = ""
    if omission.due is not None:
        arisen = omission.due.evaluate(view)
        if not arisen.state:
            return RuleVerdict(rule, "not_applicable", reason=arisen.note or "未出现应当履行该义务的情形")
        due = min(arisen.hits, default=None)
        reason = arisen.note
    fulfilled = omission.required.evaluate(view)
    if fulfilled.state:
        in_time = [
            hit
            for hit in fulfilled.hits
            if due is None or not omission.spec.before_due or (hit.turn, hit.start) < (due.turn, due.start)
        ]
        if in_time or not fulfilled.hits:
            return RuleVerdict(rule, "clear", hits=tuple(in_time), reason=fulfilled.note)
    searched = (0, len(view.texts) if due is None or not omission.spec.before_due else due.turn + 1)
    late = min((hit for hit in fulfilled.hits), default=None)
    proof = OmissionProof(
        due=omission.spec.place,
        due_turn=due.turn if due else None,
        searched=searched,
        searched_for=omission.spec.searched_for,
        nearest=view.quote(late) if late else _nearest(view, searched, omission.spec.searched_for),
    )
    return RuleVerdict(rule, "hit", reason=reason or (f"第 {late.turn} 轮才说" if late else ""), omission=proof)


def _nearest(view: CallView, searched: tuple[int, int], wanted: str) -> Quote | None:
    """The agent's turn in the range that shares most character pairs with what was looked for."""
    pairs = _bigrams(wanted)
    best, score = None, NEAREST_BIGRAMS - 1
    for turn in range(*searched):
        if view.speakers[turn] in spec.PARTIES["institution"]:
            shared = len(pairs & _bigrams(view.texts[turn]))
            if shared > score:
                best, score = turn, shared
    return None if best is None else view.quote(Hit(best, 0, min(len(view.texts[best]), 60)))


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
