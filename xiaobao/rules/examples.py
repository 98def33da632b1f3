"""A rule's own examples as calls: every rule proves its reach and its restraint before it judges anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from xiaobao.domain import Agent, Business, Channel, Customer, Direction, Speaker, Transcript, Turn
from xiaobao.domain.rule import PARTIES, ExampleCall, Rule
from xiaobao.errors import PolicyError
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.verdict import RuleVerdict

SPEAKERS = {"客服": Speaker.AGENT, "客户": Speaker.CUSTOMER, "第三人": Speaker.OTHER, "系统": Speaker.SYSTEM}


@dataclass(frozen=True)
class ExampleFailure:
    rule_id: str
    expected: str
    """fires | silent"""
    example: str
    got: str


def example_call(rule: Rule, example: str | ExampleCall) -> Transcript:
    """The example as a transcript in the rule's own scope.

    A bare sentence is said by the party the rule binds; a line `客服：…` names its speaker.

    Raises:
        PolicyError: a line of a multi-turn example names no known speaker.
    """
    spec = ExampleCall(turns=(example,)) if isinstance(example, str) else example
    default = next(speaker for speaker in Speaker if speaker in PARTIES[rule.binds])
    turns = [_turn(line, default, alone=isinstance(example, str), rule=rule) for line in spec.turns]
    businesses = rule.business or tuple(b for b in Business if b not in rule.not_business)
    return Transcript(
        call_id=f"example-{rule.id}",
        channel=spec.channel or (rule.channel[0] if rule.channel else Channel.PHONE),
        business=spec.business or businesses[0],
        direction=spec.direction or (rule.direction[0] if rule.direction else Direction.OUTBOUND),
        started_at=datetime.fromisoformat(spec.started_at or "2026-06-15T10:00:00+08:00"),
        agent=Agent(id="example-agent"),
        customer=Customer.model_validate({"id": "example-customer", **spec.customer}),
        context=spec.context,
        turns=tuple(turns),
    )


def _turn(line: str, default: Speaker, *, alone: bool, rule: Rule) -> Turn:
    name, _, text = line.partition("：")
    if name in SPEAKERS and text:
        return Turn(speaker=SPEAKERS[name], text=text)
    if alone:
        return Turn(speaker=default, text=line)
    raise PolicyError(f"规则 {rule.id!r}：示例行要以 {'、'.join(SPEAKERS)} 加全角冒号开头：{line!r}")


def example_verdict(rules: RuleSet, rule: Rule, example: str | ExampleCall) -> RuleVerdict:
    """What `rule` says of its example."""
    _, verdicts = rules.judge(example_call(rule, example), every_rule=True)
    return next(v for v in verdicts if v.rule.spec.id == rule.id)


def check_examples(rules: RuleSet) -> Iterator[ExampleFailure]:
    """Examples that do not do what they promise."""
    for compiled in rules.rules:
        rule = compiled.spec
        for expected, examples in (("fires", rule.examples.fires), ("silent", rule.examples.silent)):
            for example in examples:
                verdict = example_verdict(rules, rule, example)
                if (verdict.state == "hit") is not (expected == "fires"):
                    shown = example if isinstance(example, str) else " / ".join(example.turns)
                    yield ExampleFailure(rule.id, expected, shown, f"{verdict.state} {verdict.reason}".strip())
