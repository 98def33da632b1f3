"""Policy pack (data) → nodes, pattern table and rules ready to run."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xiaobao.domain import rule as spec
from xiaobao.errors import PolicyError
from xiaobao.rules import arithmetic
from xiaobao.rules.conditions import (
    ActNode,
    AllNode,
    AnyNode,
    ComputeNode,
    CountNode,
    FactNode,
    NearNode,
    Node,
    NoneNode,
    SayNode,
    SequenceNode,
    Spoken,
    WithoutNode,
)
from xiaobao.rules.guards import Guard, compile_guards
from xiaobao.rules.patterns import Lexicon, Pattern
from xiaobao.rules.text import fold
from xiaobao.rules.translation import Translation


class Compiler:
    """Turns conditions into nodes; equal patterns share one id of the scan."""

    def __init__(self, pack: spec.PolicyPack, *, revision: str = "", cache_dir: Path | None = None) -> None:
        self._pack = pack
        self.translation = Translation(Lexicon(pack.lexicon), revision=revision, cache_dir=cache_dir)
        self._guards = compile_guards(pack.guards, self.translation.lexicon)
        self._ids: dict[tuple[str, str], int] = {}
        self._acts: dict[str, Node] = {}
        self._open_acts: list[str] = []
        self.patterns: list[Pattern] = []
        self.parties: list[str] = []
        """Whose turns pattern i is looked for in."""

    def compile(self, condition: spec.Condition, *, party: spec.Party, guards: Sequence[str]) -> Node:
        """A node for `condition`; its words are those of `party`, guarded by `guards` unless it says otherwise.

        Raises:
            PolicyError: unknown class, act, guard or calculation, or a pattern that cannot be matched in linear time.
        """

        def inner(part: spec.Condition) -> Node:
            return self.compile(part, party=party, guards=guards)

        match condition:
            case spec.Say():
                spoken = self._spoken(condition, party, guards)
                patterns = [one for p in condition.say for one in self._found(p, spoken.party)]
                label = f"{_ZH[spoken.party]}说到：{_short(condition.say)}"
                return SayNode(label, patterns, spoken, condition.at_least)
            case spec.Near():
                spoken = self._spoken(condition, party, guards)
                groups = [[one for p in group for one in self._found(p, spoken.party)] for group in condition.near]
                label = (
                    f"{_ZH[spoken.party]}在 {condition.chars} 字内说到：{' + '.join(_short(g) for g in condition.near)}"
                )
                return NearNode(label, groups, spoken, condition.chars, condition.ordered)
            case spec.Act():
                node = self._act(condition.act)
                return ActNode(
                    condition.act, lambda: node, condition.window, self._act_party(condition.act), condition.at_least
                )
            case spec.AnyOf():
                return AnyNode([inner(part) for part in condition.any])
            case spec.AllOf():
                return AllNode([inner(part) for part in condition.all], condition.within_turns)
            case spec.NoneOf():
                return NoneNode([inner(part) for part in condition.none_of])
            case spec.NOf():
                return CountNode([inner(part) for part in condition.conditions], condition.n_of)
            case spec.Sequence():
                first, then = inner(condition.first), inner(condition.then)
                return SequenceNode(first, then, condition.within_turns, condition.same_turn, condition.evidence)
            case spec.Without():
                return WithoutNode(
                    inner(condition.find), inner(condition.without), condition.side, condition.within_turns
                )
            case spec.Fact():
                return FactNode(
                    f"字段 {condition.fact} {_fact_zh(condition)}", condition.fact, self._fact_test(condition)
                )
            case spec.Compute():
                return ComputeNode(condition.compute, arithmetic.bind(condition.compute, condition.params))
        raise PolicyError(f"未知条件 {type(condition).__name__}")

    def _spoken(self, say: spec.Say | spec.Near, party: spec.Party, guards: Sequence[str]) -> Spoken:
        names = guards if say.guards is None else say.guards
        return Spoken(
            say.by or party,
            say.window,
            [self.translation.whole(p) for p in say.unless],
            [self.translation.whole(p) for p in say.unless_turn],
            [self._guard(name) for name in names],
        )

    def _guard(self, name: str) -> Guard:
        if name not in self._guards:
            raise PolicyError(f"未知排除语境 {name!r}")
        return self._guards[name]

    def _found(self, source: str, party: str) -> list[tuple[int, Pattern]]:
        """The pattern's alternatives with their ids; what another party says is another thing to find."""
        found: list[tuple[int, Pattern]] = []
        for pattern in self.translation.parts(source):
            pid = self._ids.setdefault((pattern.expression, party), len(self.patterns))
            if pid == len(self.patterns):
                self.patterns.append(pattern)
                self.parties.append(party)
            found.append((pid, pattern))
        return found

    def _act(self, name: str) -> Node:
        if name not in self._pack.acts:
            raise PolicyError(f"未知话语行为 {name!r}")
        if name in self._open_acts:
            raise PolicyError(f"话语行为 {name!r} 引用了自身")
        if name not in self._acts:
            self._open_acts.append(name)
            # An act says what words do, not whether they are meant badly, so no guard unless it names one.
            self._acts[name] = self.compile(self._pack.acts[name], party="agent", guards=())
            self._open_acts.pop()
        return self._acts[name]

    def _act_party(self, name: str) -> str:
        """Whose turns a window of this act counts."""
        condition = self._pack.acts[name]
        return getattr(condition, "by", None) or "agent"

    def _fact_test(self, fact: spec.Fact) -> Callable[[Any], bool | None]:
        tests: list[Callable[[Any], bool]] = []
        for bound, compare in (("gt", operator.gt), ("ge", operator.ge), ("lt", operator.lt), ("le", operator.le)):
            limit = getattr(fact, bound)
            if limit is not None:
                tests.append(lambda value, compare=compare, limit=limit: compare(float(value), limit))
        if fact.eq is not None:
            tests.append(lambda value: value == fact.eq)
        if fact.ne is not None:
            tests.append(lambda value: value != fact.ne)
        if fact.in_ is not None:
            tests.append(lambda value: value in (fact.in_ or ()))
        if fact.not_in is not None:
            tests.append(lambda value: value not in (fact.not_in or ()))
        if fact.matches is not None:
            pattern = self.translation.whole(fact.matches)
            tests.append(lambda value: pattern.exact.search(fold(str(value))) is not None)

        def test(value: Any) -> bool | None:
            if fact.exists is not None and (value is not None) is not fact.exists:
                return False
            if fact.truthy is not None and _truthy(value) is not fact.truthy:
                return False
            if value is None:
                return None if tests else True
            try:
                return all(check(value) for check in tests)
            except (TypeError, ValueError):
                return None  # a fact of the wrong kind tells nothing

        return test


def _truthy(value: Any) -> bool:
    """How platforms write yes: true, 1, 是, passed …; absent and every form of no are false."""
    return value not in (None, False, 0, "", "0", "false", "False", "否", "无", "no", "None", "failed", "skipped")


_ZH = {
    "agent": "坐席",
    "customer": "客户",
    "other": "第三人",
    "system": "系统",
    "callee": "对方",
    "institution": "坐席或系统",
    "anyone": "任何人",
}


def _short(patterns: Sequence[str]) -> str:
    shown = "｜".join(patterns[:3])
    return f"{shown}…（共 {len(patterns)} 种说法）" if len(patterns) > 3 else shown


def _fact_zh(fact: spec.Fact) -> str:
    tests = fact.model_dump(exclude_defaults=True, exclude={"fact"}, by_alias=True)
    return "，".join(f"{name} {value}" for name, value in tests.items()) or "存在"
