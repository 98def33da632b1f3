"""Why a rule hit or did not: every condition with its own result, for `rules test` and the rule editor."""

from __future__ import annotations

from dataclasses import dataclass

from xiaobao.rules.conditions import ActNode, FactNode, Node
from xiaobao.rules.engine import CompiledRule
from xiaobao.rules.view import CallView

STATE_ZH = {True: "成立", False: "不成立", None: "未知"}


@dataclass(frozen=True)
class Step:
    """One condition as it turned out."""

    depth: int
    label: str
    state: bool | None
    quotes: tuple[str, ...]
    """Up to three places that made it true, as `轮次：原话`."""
    note: str


def explain(rule: CompiledRule, view: CallView) -> list[Step]:
    """All conditions of a rule on one call, parents before children."""
    steps: list[Step] = []
    parts: list[tuple[str, Node | None]] = [("适用条件", rule.applies), ("检测", rule.detect)]
    if rule.omission is not None:
        parts += [("何时应说", rule.omission.due), ("应说内容", rule.omission.required)]
    if rule.flow is not None:
        parts += [(f"步骤「{step.zh}」", node) for step, node in rule.flow.steps]
        parts.append(("中断", rule.flow.interrupt))
    for name, node in parts:
        if node is not None:
            _walk(node, view, 0, name, steps)
    return steps


def _walk(node: Node, view: CallView, depth: int, prefix: str, steps: list[Step]) -> None:
    truth = node.evaluate(view)
    quotes = tuple(f"{hit.turn}：{view.quote(hit).text}" for hit in truth.hits[:3])
    label = f"{prefix}：{node.label}" if prefix else node.label
    note = f"{node.path}={view.fact(node.path)}" if isinstance(node, FactNode) else truth.note
    steps.append(Step(depth, label, truth.state, quotes, note))
    children = (node.resolved,) if isinstance(node, ActNode) else node.children
    for child in children:
        _walk(child, view, depth + 1, "", steps)
