"""What a text must contain to match a pattern: a conjunction of word sets, read off the pattern's syntax tree.

`(保证|肯定).{0,6}(不亏|稳赚)` needs one of {保证, 肯定} and one of {不亏, 稳赚}. The idea is that of RE2's FilteredRE2:
plain words can be looked for by the million in one pass, and only a turn that holds a word of every set is read by the
expression itself. Every step below may only weaken the demand, so the filter never misses a match.
"""

from __future__ import annotations

from collections.abc import Iterable

# The parser of the standard library, used to read a pattern; its tree is what `re` itself compiles.
from re import _constants as rc  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

MAX_WORDS = 400
"""Words of one set; a product that grows beyond is cut into two sets."""
MAX_CLASS = 64
"""Characters of a range that is still listed."""
MAX_UNION = 5000
"""Words of a set that only lists alternatives; one pass finds them all at the same cost."""
_ZERO_WIDTH = (rc.AT, rc.ASSERT, rc.ASSERT_NOT)

Words = frozenset[str]


def required_words(tree: Any) -> tuple[Words, ...]:
    """Sets of which each must have a word in any matching text; empty when the pattern demands no fixed word."""
    sets = {_shortest(words) for words in _Demand().of(tree)}
    return tuple(sorted((words for words in sets if words), key=_telling, reverse=True))


def _telling(words: Words) -> tuple[int, int, list[str]]:
    """Longer words first, then fewer; the words themselves only make the order repeatable."""
    return min(map(len, words)), -len(words), sorted(words)


def _shortest(words: Words) -> Words:
    """Without words that hold another word of the set: the shorter one is found wherever the longer one is."""
    kept: set[str] = set()
    for word in sorted(words, key=len):
        if not any(word[i:j] in kept for i in range(len(word)) for j in range(i + 1, len(word) + 1)):
            kept.add(word)
    return frozenset(kept)


class _Demand:
    """Walks a sequence of nodes, growing an exact set of strings as long as it stays small."""

    def __init__(self) -> None:
        self._sets: list[Words] = []
        self._now: Words = frozenset({""})

    def of(self, tree: Iterable[Any]) -> list[Words]:
        for op, arg in tree:
            self._node(op, arg)
        self._cut()
        return self._sets

    def _cut(self) -> None:
        """Close the growing set: whatever follows is not next to it, or not known."""
        if "" not in self._now:
            self._sets.append(self._now)
        self._now = frozenset({""})

    def _grow(self, words: Words) -> None:
        if len(self._now) * len(words) > MAX_WORDS:
            self._cut()
        self._now = frozenset(a + b for a in self._now for b in words)

    def _node(self, op: Any, arg: Any) -> None:
        words = _spelt(op, arg)
        if words is not None:
            self._grow(words)
            return
        self._cut()
        if op is rc.SUBPATTERN:
            self._sets += _Demand().of(arg[3])
        elif op is rc.BRANCH:
            self._branch(arg[1])
        elif op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT) and arg[0] >= 1:
            self._repeat(arg[0], arg[2])

    def _repeat(self, low: int, inner: Any) -> None:
        """At least `low` times in a row: as many of them spelt out as stay few."""
        once = _spelt_sequence(inner)
        if once is None:
            self._sets += _Demand().of(inner)
            return
        words = once
        for _ in range(low - 1):
            if len(words) * len(once) > MAX_WORDS:
                break
            words = frozenset(a + b for a in words for b in once)
        if "" not in words:
            self._sets.append(words)

    def _branch(self, branches: Iterable[Any]) -> None:
        """One set that holds the most telling demand of every branch; none if a branch demands nothing."""
        union: set[str] = set()
        for branch in branches:
            demands = [_shortest(words) for words in _Demand().of(branch)]
            if not demands:
                return
            union |= max(demands, key=_telling)
        if len(union) <= MAX_UNION:
            self._sets.append(frozenset(union))


def _spelt(op: Any, arg: Any) -> Words | None:
    """All strings the node can match, where they are few and known; None otherwise."""
    if op is rc.LITERAL:
        return frozenset({chr(arg)})
    if op in _ZERO_WIDTH:
        return frozenset({""})
    if op is rc.IN:
        return _members(arg)
    if op is rc.SUBPATTERN:
        return _spelt_sequence(arg[3])
    if op is rc.BRANCH:
        parts = [_spelt_sequence(branch) for branch in arg[1]]
        if any(part is None for part in parts):
            return None
        union = frozenset(word for part in parts if part is not None for word in part)
        return union if len(union) <= MAX_WORDS else None
    if op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT):
        low, high, inner = arg
        once = _spelt_sequence(inner)
        if once is None or high > 2:
            return None
        product, union = frozenset({""}), set[str]()
        for count in range(int(high) + 1):
            if count >= low:
                union |= product
            product = frozenset(a + b for a in product for b in once)
            if len(product) > MAX_WORDS:
                return None
        return frozenset(union)
    return None


def _members(items: Iterable[Any]) -> Words | None:
    """The characters of a class, where it names few."""
    members: set[str] = set()
    for op, arg in items:
        if op is rc.LITERAL:
            members.add(chr(arg))
        elif op is rc.RANGE and arg[1] - arg[0] < MAX_CLASS:
            members.update(map(chr, range(arg[0], arg[1] + 1)))
        else:
            return None
    return frozenset(members)


def _spelt_sequence(tree: Iterable[Any]) -> Words | None:
    product: Words = frozenset({""})
    for op, arg in tree:
        words = _spelt(op, arg)
        if words is None or len(product) * len(words) > MAX_WORDS:
            return None
        product = frozenset(a + b for a in product for b in words)
    return product
