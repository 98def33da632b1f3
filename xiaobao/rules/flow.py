"""Process rules: which steps were taken, which are missing, which came in the wrong order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xiaobao.domain import FlowStep
from xiaobao.domain import rule as spec
from xiaobao.rules.conditions import Node
from xiaobao.rules.verdict import RuleVerdict
from xiaobao.rules.view import CallView, Hit

if TYPE_CHECKING:
    from xiaobao.rules.engine import CompiledRule


class CompiledFlow:
    def __init__(self, flow: spec.Flow, compile_node: Callable[[spec.Condition], Node]) -> None:
        self.steps = tuple((step, compile_node(step.done)) for step in flow.steps)
        self.interrupt = compile_node(flow.interrupt) if flow.interrupt else None


def judge_flow(rule: CompiledRule, flow: CompiledFlow, view: CallView) -> RuleVerdict:
    """A step that was taken before one it must follow is out of order; a required one that never came is missing.

    A missing prerequisite is that prerequisite's own fault, so it never makes the later step out of order as well.
    """
    first: dict[str, Hit | None] = {}
    for step, node in flow.steps:
        truth = node.evaluate(view)
        # A step that metadata proves (say, identity verified by the system) counts as taken before the first turn.
        first[step.step] = min(truth.hits, default=Hit(-1, 0, 0)) if truth.state else None
    interrupted = flow.interrupt is not None and bool(flow.interrupt.evaluate(view).state)
    steps: list[FlowStep] = []
    faults: list[str] = []
    for step, _ in flow.steps:
        hit = first[step.step]
        if hit is None:
            state = "missing" if step.required and not interrupted else "not_required"
            if state == "missing":
                faults.append(f"缺少「{step.zh}」")
        else:
            before = [name for name in step.after if (other := first.get(name)) is not None and other > hit]
            state = "out_of_order" if before else "done"
            faults.extend(f"「{step.zh}」早于「{_zh(flow, name)}」" for name in before)
        turn = hit.turn if hit is not None and hit.turn >= 0 else None
        steps.append(FlowStep(step=step.step, zh=step.zh, state=state, turn=turn))
    return RuleVerdict(rule, "hit" if faults else "clear", reason="；".join(faults), steps=tuple(steps))


def _zh(flow: CompiledFlow, name: str) -> str:
    return next(step.zh for step, _ in flow.steps if step.step == name)
