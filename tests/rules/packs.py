"""Small policy packs and calls for the engine's tests."""

from __future__ import annotations

from typing import Any

from xiaobao.domain import Speaker, Transcript
from xiaobao.domain.rule import PolicyPack
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.verdict import RuleVerdict

SPEAKERS = {"客服": Speaker.AGENT, "客户": Speaker.CUSTOMER, "第三人": Speaker.OTHER, "系统": Speaker.SYSTEM}
GUARDS = {
    "negation": {"before": ["(不能|不会|没有)(承诺|保证)?"]},
    "quotation": {"before": ["(您|别人)说(的)?"]},
    "hypothesis": {"before": ["(如果|要是)有人"]},
    "warning": {"sentence": ["谨防"]},
}


def call(*lines: str, **fields: Any) -> Transcript:
    """A call from `客服：…` lines; `start` of turn i is 10 i seconds."""
    turns = []
    for i, line in enumerate(lines):
        name, _, text = line.partition("：")
        turns.append({"speaker": SPEAKERS[name], "text": text, "start": 10.0 * i})
    base: dict[str, Any] = {
        "call_id": "T-1",
        "channel": "phone",
        "business": "wealth",
        "direction": "outbound",
        "started_at": "2026-06-15T10:00:00+08:00",
        "agent": {"id": "A1"},
        "customer": {"id": "U1"},
        "turns": turns,
    }
    return Transcript.model_validate(base | fields)


def pack(*rules: dict[str, Any], **sections: Any) -> PolicyPack:
    filled = [
        {"id": f"t.rule-{i}", "category": "guaranteed_return", "title": "测试规则", "criterion": "测试判据"} | rule
        for i, rule in enumerate(rules)
    ]
    return PolicyPack.model_validate({"guards": GUARDS, "rules": filled} | sections)


def judge(transcript: Transcript, rule: dict[str, Any], **sections: Any) -> RuleVerdict:
    """What one rule says of one call."""
    _, verdicts = RuleSet(pack(rule, **sections)).judge(transcript, every_rule=True)
    return verdicts[0]


def turns(verdict: RuleVerdict) -> list[int]:
    return sorted({hit.turn for hit in verdict.hits})
