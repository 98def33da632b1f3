"""Faults of a policy pack that a person should mend before it judges anybody; each with a suggested fix."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from xiaobao.domain import Clause, taxonomy
from xiaobao.domain.rule import PolicyPack, Rule
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.examples import check_examples

MIN_EXAMPLES = 3
"""Of each kind: three sentences that fire and three near misses that stay silent."""
RULES_PER_CATEGORY = 2
_SUBJECTIVE = re.compile("可能有点|感觉|大概|差不多|不太好|不够热情|语气不佳")
"""Words by which two people would judge differently."""


@dataclass(frozen=True)
class LintFinding:
    level: Literal["error", "warning"]
    code: str
    rule_id: str
    message: str
    fix: str


def lint(pack: PolicyPack, rules: RuleSet, clause: Callable[[str], Clause | None], today: date) -> list[LintFinding]:
    """All faults of an already compiling pack (one that does not compile raises before this).

    Args:
        clause: clause id → clause, or None where it does not exist.
        today: clauses are expected to be in force on this day.
    """
    found: list[LintFinding] = []
    for rule in pack.rules:
        if rule.status == "active":
            found.extend(_rule(rule, clause, today))
    found.extend(_overlap(pack))
    found.extend(_coverage(pack))
    for failure in check_examples(rules):
        expected = "应命中而未命中" if failure.expected == "fires" else "不应命中而命中"
        found.append(
            LintFinding(
                "error",
                "example_fails",
                failure.rule_id,
                f"示例{expected}：{failure.example}（{failure.got}）",
                "改模式、排除语境或示例",
            )
        )
    return found


def _rule(rule: Rule, clause: Callable[[str], Clause | None], today: date) -> Iterator[LintFinding]:
    def say(level: Literal["error", "warning"], code: str, message: str, fix: str) -> LintFinding:
        return LintFinding(level, code, rule.id, message, fix)

    if rule.category is not None and not rule.cites:
        yield say("error", "no_clause", "没有引用条款", "写上最直接的条款；没有法条的写内部服务标准的条号")
    clauses = {cited: clause(cited) for cited in rule.cites}
    for cited, found in clauses.items():
        if found is None:
            yield say(
                "error",
                "unknown_clause",
                f"条款不存在：{cited}",
                "核对法规标识与条号，或先在 kb/data/regulations 补摘要",
            )
        elif found.repealed is not None and found.repealed <= today:
            yield say("warning", "repealed_clause", f"条款已失效：{cited}", "换成现行条款，旧条款留给失效前的通话")
    if rule.cites and not any(c is not None and c.in_force(today) for c in clauses.values()):
        yield say("error", "no_clause_in_force", "引用的条款今天都不生效", "补一条现行有效的条款")
    for kind, examples in (("命中", rule.examples.fires), ("不命中", rule.examples.silent)):
        if len(examples) < MIN_EXAMPLES:
            yield say(
                "error",
                "too_few_examples",
                f"{kind}示例只有 {len(examples)} 个",
                f"至少写 {MIN_EXAMPLES} 个，说法要不同",
            )
    if _SUBJECTIVE.search(rule.criterion):
        yield say("warning", "subjective", "判据用了主观词", "改成两个人看了会得出同一结论的事实描述")
    if rule.category is not None and not rule.right_wording:
        yield say("warning", "no_right_wording", "没有示范话术", "写一句这里应该怎么说")


def _overlap(pack: PolicyPack) -> Iterator[LintFinding]:
    """The same pattern list in two rules of one category catches nothing new."""
    seen: dict[tuple[str, str], list[str]] = defaultdict(list)
    for rule in pack.rules:
        if rule.status == "active" and rule.detect is not None:
            seen[(rule.category or rule.signal or "", rule.detect.model_dump_json())].append(rule.id)
    for ids in seen.values():
        if len(ids) > 1:
            yield LintFinding("error", "overlap", ids[1], f"与 {ids[0]} 的检测条件相同", "合并，或写清两条规则各抓什么")


def _coverage(pack: PolicyPack) -> Iterator[LintFinding]:
    count: dict[str, int] = defaultdict(int)
    for rule in pack.rules:
        if rule.status == "active":
            count[rule.category or rule.signal or ""] += 1
    for slug, category in taxonomy().categories.items():
        if count[slug] < RULES_PER_CATEGORY:
            yield LintFinding(
                "error",
                "category_uncovered",
                "-",
                f"类别「{category.zh}」只有 {count[slug]} 条在用规则",
                f"至少 {RULES_PER_CATEGORY} 条，各抓不同情形",
            )
    for slug, signal in taxonomy().signals.items():
        if not count[slug]:
            yield LintFinding("error", "signal_uncovered", "-", f"信号「{signal.zh}」没有规则", "至少一条")
