"""Runs a compiled rule set over calls. The rules' semantics are here; their content is data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from xiaobao.domain import Kind, Severity, Transcript, taxonomy
from xiaobao.domain import rule as spec
from xiaobao.errors import PolicyError
from xiaobao.rules.arithmetic import DEFAULT_ZONE
from xiaobao.rules.compiler import Compiler
from xiaobao.rules.conditions import ComputeNode, Node, Truth
from xiaobao.rules.flow import CompiledFlow, judge_flow
from xiaobao.rules.omission import CompiledOmission, judge_omission
from xiaobao.rules.scanner import Lens, Scanner
from xiaobao.rules.text import fold
from xiaobao.rules.verdict import RuleVerdict
from xiaobao.rules.view import CallView, PastContact, fold_turns, party_turns

__all__ = ["CompiledRule", "RuleSet", "RuleVerdict"]


class CompiledRule:
    """A rule with its nodes; constant facts of it are worked out once."""

    def __init__(self, rule: spec.Rule, compiler: Compiler) -> None:
        self.spec = rule
        tax = taxonomy()
        if rule.category is not None and rule.category not in tax.categories:
            raise PolicyError(f"规则 {rule.id!r}：未知类别 {rule.category!r}")
        if rule.signal is not None and rule.signal not in tax.signals:
            raise PolicyError(f"规则 {rule.id!r}：未知信号 {rule.signal!r}")
        self.is_signal = rule.signal is not None
        category = tax.categories[rule.category] if rule.category else None
        self.severity: Severity = rule.severity or (category.severity if category else Severity.MINOR)
        self.shows_turns = category is None or category.kind is Kind.COMMISSION
        self.parties = spec.PARTIES[rule.binds]

        def node(condition: spec.Condition) -> Node:
            return compiler.compile(condition, party=rule.binds, guards=rule.guards)

        try:
            self.applies = node(rule.applies) if rule.applies else None
            self.detect = node(rule.detect) if rule.detect else None
            self.omission = CompiledOmission(rule.omission, node) if rule.omission else None
            self.flow = CompiledFlow(rule.flow, node) if rule.flow else None
        except PolicyError as exc:
            raise PolicyError(f"规则 {rule.id!r}：{exc}") from exc
        self.demands = self._demands()
        self.arithmetic = isinstance(self.detect, ComputeNode)

    def pattern_ids(self) -> frozenset[int]:
        """All patterns the rule may ask about."""
        nodes = [self.applies, self.detect]
        if self.omission is not None:
            nodes += [self.omission.due, self.omission.required]
        if self.flow is not None:
            nodes += [self.flow.interrupt, *(node for _, node in self.flow.steps)]
        return frozenset(pid for node in nodes if node is not None for pid in node.pattern_ids())

    def _demands(self) -> tuple[frozenset[int], ...]:
        """Of each set, a pattern must be found before the rule can say anything."""
        nodes = [self.applies, self.detect, self.omission.due if self.omission else None]
        return tuple(sorted({demand for node in nodes if node for demand in node.demands}, key=len))

    def scope_covers(self, transcript: Transcript, nowhere: Sequence[spec.Place] = ()) -> bool:
        """Business, channel, direction: what needs no condition; `nowhere` is where its category never counts."""
        rule, place = self.spec, (transcript.business, transcript.channel, transcript.direction)
        own = spec.Place(business=rule.business, channel=rule.channel, direction=rule.direction)
        return (
            own.holds(*place)
            and transcript.business not in rule.not_business
            and not any(excluded.holds(*place) for excluded in nowhere)
        )

    def in_force(self, day: date) -> bool:
        return self.spec.effective <= day and (self.spec.expires is None or day < self.spec.expires)

    def judge(self, view: CallView) -> RuleVerdict:
        """The rule's own verdict; its scope is taken as checked."""
        if self.applies is not None:
            applies = self.applies.evaluate(view)
            if not applies.state:
                return RuleVerdict(self, "not_applicable", reason=applies.note or "适用条件不成立")
        if self.omission is not None:
            return judge_omission(self, self.omission, view)
        if self.flow is not None:
            return judge_flow(self, self.flow, view)
        assert self.detect is not None
        return self._judge_detect(self.detect.evaluate(view), view)

    def _judge_detect(self, truth: Truth, view: CallView) -> RuleVerdict:
        if truth.state is None:
            return RuleVerdict(self, "not_applicable", reason=truth.note)
        if not truth.state:
            return RuleVerdict(self, "clear")
        mine = tuple(hit for hit in truth.hits if view.speakers[hit.turn] in self.parties)
        if self.shows_turns and not mine and not self.is_signal:
            # A commission without words of the party it binds would be a claim without proof.
            return RuleVerdict(self, "unknown", reason="条件成立，但没有可引用的原话")
        return RuleVerdict(self, "hit", hits=mine, reason=truth.note)


@dataclass(frozen=True)
class Scope:
    """What concerns calls of one business, channel and direction."""

    rules: frozenset[int]
    lens: Lens


class RuleSet:
    """A compiled, immutable policy pack."""

    def __init__(self, pack: spec.PolicyPack, *, cache_dir: Path | None = None) -> None:
        """Compile every rule that is not retired.

        Raises:
            PolicyError: any rule is wrong; the message names it.
        """
        self.revision = (
            "sha256:"
            + hashlib.sha256(orjson.dumps(pack.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).hexdigest()
        )
        compiler = Compiler(pack, revision=self.revision, cache_dir=cache_dir)
        self.rules = tuple(CompiledRule(rule, compiler) for rule in pack.rules if rule.status == "active")
        self.specs = {rule.spec.id: rule.spec for rule in self.rules}
        if len(self.specs) != len(self.rules):
            raise PolicyError("规则编号重复：" + "、".join(_repeated(self.rules)))
        self.pattern_count = len(compiler.patterns)
        self.patterns = tuple(compiler.patterns)
        self._scanner = Scanner(compiler.patterns, sample=_example_text(pack), cache_dir=cache_dir)
        compiler.translation.save()
        self._parties = tuple(compiler.parties)
        unknown = set(pack.scopes) - set(taxonomy().categories)
        if unknown:
            raise PolicyError("适用范围写了未知类别：" + "、".join(sorted(unknown)))
        self._nowhere = {category: scope.except_in for category, scope in pack.scopes.items()}
        self._always = tuple(i for i, rule in enumerate(self.rules) if not rule.demands)
        self._triggered: dict[int, list[int]] = {}
        for i, rule in enumerate(self.rules):
            for pid in rule.demands[0] if rule.demands else ():
                self._triggered.setdefault(pid, []).append(i)
        self._scopes: dict[tuple[str, str, str], Scope] = {}

    @property
    def words(self) -> Sequence[str]:
        """All words the scan looks for."""
        return self._scanner.words

    def view(self, transcript: Transcript, history: Sequence[PastContact] = ()) -> CallView:
        """Fold and scan one call."""
        texts = fold_turns(transcript)
        spoken = party_turns(transcript)
        found = {
            pid: mine
            for pid, turns in self._scanner.scan(texts, self._in_scope(transcript).lens).items()
            if (mine := turns & spoken[self._parties[pid]])
        }
        return CallView(transcript, texts, found, history)

    def judge(
        self, transcript: Transcript, *, history: Sequence[PastContact] = (), every_rule: bool = False
    ) -> tuple[CallView, list[RuleVerdict]]:
        """The call as the rules saw it, and the verdicts of all rules that can say something, in rule order.

        Args:
            transcript: the call.
            history: earlier contacts with the customer, for rules over several calls.
            every_rule: also return clear and not-applicable verdicts (each rule once).
        """
        view = self.view(transcript, history)
        scope, day = self._in_scope(transcript).rules, call_day(transcript)
        if every_rule:
            return view, [self._judge_one(i, view, scope, day) for i in range(len(self.rules))]
        wanted = set(self._always)
        for pid in view.found_ids & self._triggered.keys():
            wanted.update(self._triggered[pid])
        found = view.found_ids
        verdicts = [
            self._judge_one(i, view, scope, day)
            for i in sorted(wanted & scope)
            if not any(found.isdisjoint(demand) for demand in self.rules[i].demands)
        ]
        return view, [v for v in verdicts if v.state in ("hit", "unknown")]

    def _judge_one(self, i: int, view: CallView, scope: frozenset[int], day: date | None) -> RuleVerdict:
        rule = self.rules[i]
        if i not in scope:
            return RuleVerdict(rule, "not_applicable", reason="业务、渠道或方向不在规则范围内")
        if day is not None and not rule.in_force(day):
            return RuleVerdict(rule, "not_applicable", reason="通话当日规则未生效")
        return rule.judge(view)

    def _in_scope(self, transcript: Transcript) -> Scope:
        key = (transcript.business, transcript.channel, transcript.direction)
        if key not in self._scopes:
            rules = frozenset(
                i
                for i, rule in enumerate(self.rules)
                if rule.scope_covers(transcript, self._nowhere.get(rule.spec.category or "", ()))
            )
            wanted = {pid for i in rules for pid in self.rules[i].pattern_ids()}
            self._scopes[key] = Scope(rules, self._scanner.lens(wanted))
        return self._scopes[key]


def _example_text(pack: spec.PolicyPack) -> str:
    """All examples of the pack: the ordinary speech it judges."""
    lines: list[str] = []
    for rule in pack.rules:
        for example in (*rule.examples.fires, *rule.examples.silent):
            lines.extend([example] if isinstance(example, str) else example.turns)
    return "".join(fold(line) for line in lines)


def call_day(transcript: Transcript) -> date | None:
    """The calendar day of the call in Asia/Shanghai, where the law in force is looked up."""
    if transcript.started_at is None:
        return None
    return transcript.started_at.astimezone(ZoneInfo(DEFAULT_ZONE)).date()


def _repeated(rules: Sequence[CompiledRule]) -> list[str]:
    return [rule_id for rule_id, n in Counter(rule.spec.id for rule in rules).items() if n > 1]
