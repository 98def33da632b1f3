"""Conditions compiled for evaluation. Three-valued: true with its evidence, false, or unknown (a fact is absent).

Every node also names its demands: sets of patterns, of each of which one must be found for the node to be true. A rule
with an unmet demand is never evaluated; that is what makes the cost follow the hits, not the rules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from xiaobao.domain.rule import Window
from xiaobao.rules.guards import Guard
from xiaobao.rules.patterns import Pattern
from xiaobao.rules.text import sentence_bounds
from xiaobao.rules.view import CallView, Hit, turns_of

Triggers = frozenset[int] | None
"""None: the node can be true without any pattern, so it is always evaluated."""


class Truth(NamedTuple):
    """What a condition says of a call."""

    state: bool | None
    hits: tuple[Hit, ...] = ()
    note: str = ""


FALSE = Truth(False)


class Node(ABC):
    """A compiled condition; `label` says it in Chinese for `rules test`."""

    label: str
    children: tuple[Node, ...] = ()

    def evaluate(self, view: CallView) -> Truth:
        """What the condition says of the call; false at once where nothing of one of its demands is found."""
        found = view.found_ids
        for demand in self.demands:
            if found.isdisjoint(demand):
                return FALSE
        return self.decide(view)

    @cached_property
    def demands(self) -> tuple[frozenset[int], ...]:
        """Sets of patterns; of each, one must be found for the node to be true. Smallest first, without repeats."""
        return tuple(sorted(set(self.demanded()), key=len))

    @cached_property
    def trigger_ids(self) -> Triggers:
        """One demand that stands for the node where only one can be kept; None where it demands nothing."""
        return self.demands[0] if self.demands else None

    def pattern_ids(self) -> frozenset[int]:
        """All patterns the condition may ask about."""
        return frozenset(pid for child in self.children for pid in child.pattern_ids())

    @abstractmethod
    def decide(self, view: CallView) -> Truth: ...

    @abstractmethod
    def demanded(self) -> Iterable[frozenset[int]]: ...


class Spoken:
    """What say-like nodes share: who, where in the call, and what voids a match."""

    def __init__(
        self,
        party: str,
        window: Window | None,
        unless: Sequence[Pattern],
        unless_turn: Sequence[Pattern],
        guards: Sequence[Guard],
    ) -> None:
        self.party = party
        self.window = window
        self._unless = unless
        self._unless_turn = unless_turn
        self._guards = guards

    def admits(self, view: CallView, turn: int) -> bool:
        """Whether a turn of the party may count; the scan has looked at the party's turns only."""
        if self.window is not None and not view.in_window(turn, self.party, self.window):
            return False
        return not (self._unless_turn and any(p.exact.search(view.texts[turn]) for p in self._unless_turn))

    def means(self, text: str, start: int, end: int) -> bool:
        """Neither an exclusion nor a guard voids the match."""
        if self._unless:
            left, right = sentence_bounds(text, start, end)
            if any(p.exact.search(text, left, right) for p in self._unless):
                return False
        for guard in self._guards:  # noqa: SIM110  a generator would cost as much as the guard
            if guard.voids(text, start, end):
                return False
        return True


class SayNode(Node):
    def __init__(self, label: str, patterns: Sequence[tuple[int, Pattern]], spoken: Spoken, at_least: int) -> None:
        self.label = label
        self._by_id = dict(patterns)
        self._ids = frozenset(self._by_id)
        self._spoken = spoken
        self._at_least = at_least

    def demanded(self) -> Iterable[frozenset[int]]:
        return (self._ids,)

    def pattern_ids(self) -> frozenset[int]:
        return self._ids

    def decide(self, view: CallView) -> Truth:
        hits: set[Hit] = set()
        for pid in self._ids & view.found_ids:
            pattern = self._by_id[pid]
            for turn in turns_of(view.found[pid]):
                if self._spoken.admits(view, turn):
                    text = view.texts[turn]
                    hits.update(
                        Hit(turn, m.start(), m.end())
                        for m in pattern.exact.finditer(text)
                        if self._spoken.means(text, m.start(), m.end())
                    )
        if not hits or (self._at_least > 1 and len({hit.turn for hit in hits}) < self._at_least):
            return FALSE
        return Truth(True, tuple(sorted(hits)))


class NearNode(Node):
    def __init__(
        self, label: str, groups: Sequence[Sequence[tuple[int, Pattern]]], spoken: Spoken, chars: int, ordered: bool
    ) -> None:
        self.label = label
        self._groups = [dict(group) for group in groups]
        self._group_ids = tuple(frozenset(pid for pid, _ in group) for group in groups)
        self._spoken = spoken
        self._chars = chars
        self._ordered = ordered

    def demanded(self) -> Iterable[frozenset[int]]:
        return self._group_ids

    def pattern_ids(self) -> frozenset[int]:
        return frozenset().union(*self._group_ids)

    def decide(self, view: CallView) -> Truth:
        bits = -1
        for ids in self._group_ids:
            mine = 0
            for pid in ids & view.found_ids:
                mine |= view.found[pid]
            bits &= mine
            if not bits:
                return FALSE
        hits = {hit for turn in turns_of(bits) if self._spoken.admits(view, turn) for hit in self._in_turn(view, turn)}
        return Truth(True, tuple(sorted(hits))) if hits else FALSE

    def _in_turn(self, view: CallView, turn: int) -> Iterator[Hit]:
        text = view.texts[turn]
        spans = [
            sorted(
                {
                    m.span()
                    for pid in group.keys() & view.found_ids
                    if view.found[pid] >> turn & 1
                    for m in group[pid].exact.finditer(text)
                }
            )
            for group in self._groups
        ]
        for first in spans[0]:
            start, end = first
            for others in spans[1:]:
                near = [s for s in others if self._is_near((start, end), s)]
                if not near:
                    break
                nearest = min(near, key=lambda s: max(s[0] - end, start - s[1]))
                start, end = min(start, nearest[0]), max(end, nearest[1])
            else:
                if self._spoken.means(text, start, end):
                    yield Hit(turn, start, end)

    def _is_near(self, a: tuple[int, int], b: tuple[int, int]) -> bool:
        if self._ordered:
            return 0 <= b[0] - a[1] <= self._chars
        return max(b[0] - a[1], a[0] - b[1]) <= self._chars


class ActNode(Node):
    """A named act, evaluated once a call however many rules ask for it."""

    def __init__(
        self, name: str, resolve: Callable[[], Node], window: Window | None, party: str, at_least: int
    ) -> None:
        self.label = f"话语行为「{name}」"
        self._name = name
        self._resolve = resolve
        self._window = window
        self._party = party
        self._at_least = at_least

    @property
    def resolved(self) -> Node:
        """The condition the name stands for."""
        return self._resolve()

    def demanded(self) -> Iterable[frozenset[int]]:
        return self._resolve().demands

    def pattern_ids(self) -> frozenset[int]:
        return self._resolve().pattern_ids()

    def decide(self, view: CallView) -> Truth:
        truth: Truth | None = view.act_memo.get(self._name)
        if truth is None:
            truth = view.act_memo[self._name] = self._resolve().evaluate(view)
        if self._window is not None and truth.state:
            kept = tuple(hit for hit in truth.hits if view.in_window(hit.turn, self._party, self._window))
            truth = Truth(True, kept) if kept else FALSE
        if self._at_least > 1 and len({hit.turn for hit in truth.hits}) < self._at_least:
            return FALSE
        return truth


class AnyNode(Node):
    def __init__(self, children: Sequence[Node]) -> None:
        self.label = "任一成立"
        self.children = tuple(children)

    @cached_property
    def _index(self) -> tuple[dict[int, list[int]], frozenset[int], list[int]]:
        """Trigger → children it may make true; all triggers; children that need none. Most are never asked."""
        by_trigger: dict[int, list[int]] = {}
        always: list[int] = []
        for i, child in enumerate(self.children):
            if child.trigger_ids is None:
                always.append(i)
            for trigger in child.trigger_ids or ():
                by_trigger.setdefault(trigger, []).append(i)
        return by_trigger, frozenset(by_trigger), always

    def demanded(self) -> Iterable[frozenset[int]]:
        return _either(self.children)

    def decide(self, view: CallView) -> Truth:
        by_trigger, every, always = self._index
        asked = {*always, *(i for trigger in every & view.found_ids for i in by_trigger[trigger])}
        truths = [truth for i in sorted(asked) if (truth := self.children[i].evaluate(view)) is not FALSE]
        if not truths:
            return FALSE
        true = [truth for truth in truths if truth.state]
        if true:
            return true[0] if len(true) == 1 else Truth(True, _merge(true), _notes(true))
        return Truth(None if any(t.state is None for t in truths) else False, (), _notes(truths))


class AllNode(Node):
    def __init__(self, children: Sequence[Node], within_turns: int | None) -> None:
        self.label = "全部成立" if within_turns is None else f"全部成立（相距不超过 {within_turns} 轮）"
        self.children = tuple(children)
        self._within = within_turns

    def demanded(self) -> Iterable[frozenset[int]]:
        return (demand for child in self.children for demand in child.demands)

    def decide(self, view: CallView) -> Truth:
        truths: list[Truth] = []
        unknown = False
        for child in self.children:
            truth = child.evaluate(view)
            if truth.state is False:
                return FALSE
            unknown |= truth.state is None
            truths.append(truth)
        if unknown:
            return Truth(None, (), _notes(truths))
        if self._within is not None:
            return self._close_together(truths)
        return Truth(True, _merge(truths), _notes(truths))

    def _close_together(self, truths: Sequence[Truth]) -> Truth:
        proven = [truth.hits for truth in truths if truth.hits]
        kept: set[Hit] = set()
        for anchor in proven[0] if proven else ():
            near = [[h for h in hits if abs(h.turn - anchor.turn) <= (self._within or 0)] for hits in proven]
            if all(near):
                kept.update(hit for hits in near for hit in hits)
        return Truth(True, tuple(sorted(kept))) if kept or not proven else FALSE


class NoneNode(Node):
    def __init__(self, children: Sequence[Node]) -> None:
        self.label = "均不成立"
        self.children = tuple(children)

    def demanded(self) -> Iterable[frozenset[int]]:
        return ()

    def decide(self, view: CallView) -> Truth:
        states = [child.evaluate(view).state for child in self.children]
        if any(states):
            return FALSE
        return Truth(None if None in states else True)


class CountNode(Node):
    def __init__(self, children: Sequence[Node], n: int) -> None:
        self.label = f"至少 {n} 项成立"
        self.children = tuple(children)
        self._n = n

    def demanded(self) -> Iterable[frozenset[int]]:
        return _either(self.children)

    def decide(self, view: CallView) -> Truth:
        truths = [child.evaluate(view) for child in self.children]
        true = [truth for truth in truths if truth.state]
        if len(true) >= self._n:
            return Truth(True, _merge(true))
        unknown = sum(truth.state is None for truth in truths)
        return Truth(None if len(true) + unknown >= self._n else False)


class SequenceNode(Node):
    def __init__(self, first: Node, then: Node, within: int, same_turn: bool, evidence: str) -> None:
        self.label = f"先后出现（{within} 轮内）"
        self.children = (first, then)
        self._within = within
        self._same_turn = same_turn
        self._evidence = evidence

    def demanded(self) -> Iterable[frozenset[int]]:
        return (demand for child in self.children for demand in child.demands)

    def decide(self, view: CallView) -> Truth:
        first = self.children[0].evaluate(view)
        if not first.state:
            return Truth(first.state)
        then = self.children[1].evaluate(view)
        if not then.state:
            return Truth(then.state)
        pairs = [(a, b) for a in first.hits for b in then.hits if self._follows(a, b)]
        if not pairs:
            return FALSE
        kept: set[Hit] = set()
        for a, b in pairs:
            kept.update({"first": (a,), "then": (b,), "both": (a, b)}[self._evidence])
        return Truth(True, tuple(sorted(kept)))

    def _follows(self, a: Hit, b: Hit) -> bool:
        gap = b.turn - a.turn
        if gap == 0:
            return self._same_turn and b.start >= a.end
        return 0 < gap <= self._within


class WithoutNode(Node):
    def __init__(self, find: Node, without: Node, side: str, within: int | None) -> None:
        self.label = {"before": "之前没有", "after": "之后没有", "either": "前后没有"}[side]
        self.children = (find, without)
        self._side = side
        self._within = within

    def demanded(self) -> Iterable[frozenset[int]]:
        return self.children[0].demands

    def decide(self, view: CallView) -> Truth:
        find = self.children[0].evaluate(view)
        if not find.state:
            return find
        voiding = self.children[1].evaluate(view).hits
        kept = tuple(hit for hit in find.hits if not any(self._voids(hit, other) for other in voiding))
        return Truth(True, kept, find.note) if kept else FALSE

    def _voids(self, hit: Hit, other: Hit) -> bool:
        if (self._side == "before" and other > hit) or (self._side == "after" and other < hit):
            return False
        return self._within is None or abs(other.turn - hit.turn) <= self._within


class FactNode(Node):
    def __init__(self, label: str, path: str, test: Callable[[Any], bool | None]) -> None:
        self.label = label
        self.path = path
        self._test = test
        self._missing = Truth(None, (), f"缺少字段 {path}")

    def demanded(self) -> Iterable[frozenset[int]]:
        return ()

    def decide(self, view: CallView) -> Truth:
        value = view.fact(self.path)
        state = self._test(value)
        if not state:
            return FALSE if state is False else self._missing
        return Truth(True, (), f"{self.path}={value}")


class ComputeNode(Node):
    def __init__(self, name: str, run: Callable[[CallView], Truth]) -> None:
        self.label = f"计算「{name}」"
        self._run = run

    def demanded(self) -> Iterable[frozenset[int]]:
        return ()

    def decide(self, view: CallView) -> Truth:
        return self._run(view)


def _either(children: Sequence[Node]) -> Iterable[frozenset[int]]:
    """The one demand of "any of these": something that one of them needs; nothing if one of them needs nothing."""
    triggers = [child.trigger_ids for child in children]
    known = [trigger for trigger in triggers if trigger is not None]
    return (frozenset().union(*known),) if len(known) == len(triggers) else ()


def _merge(truths: Iterable[Truth]) -> tuple[Hit, ...]:
    return tuple(sorted({hit for truth in truths for hit in truth.hits}))


def _notes(truths: Iterable[Truth]) -> str:
    return "；".join(dict.fromkeys(truth.note for truth in truths if truth.note))
