"""One Aho-Corasick pass over a whole call: which patterns may stand in which turns.

Hyperscan was used first; with tens of thousands of words a call its callback a hit cost seven times as much
(docs/adr/0002).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import orjson
from ahocorasick_rs import AhoCorasick

from xiaobao.rules.cache import read_cached, write_cached
from xiaobao.rules.factors import Words
from xiaobao.rules.patterns import Pattern

FORMAT = 1
"""Raised when the plan's meaning changes, so that older cached plans are not used."""
COMMON = 0.002
"""Expected hits per character above which a set is not worth a second look: about 1.5 in a call of 700 characters."""
MAX_SETS = 3
"""Sets looked for per pattern; a fourth spares next to nothing."""


class _Rarity:
    """Expected hits of a word set per character of ordinary text, from how often its characters occur."""

    def __init__(self, sample: str) -> None:
        counts = Counter(sample)
        total = sum(counts.values()) + len(counts) + 1
        self._share = {char: (n + 1) / total for char, n in counts.items()}
        self._unseen = 1 / total
        self._memo: dict[Words, float] = {}

    def expected(self, words: Words) -> float:
        if words not in self._memo:
            share, unseen = self._share, self._unseen
            self._memo[words] = sum(math.prod(share.get(char, unseen) for char in word) for word in words)
        return self._memo[words]

    def worth_finding(self, needs: Sequence[Words]) -> tuple[Words, ...]:
        """The rarest set of a pattern, and of the others those that are rare themselves."""
        ranked = sorted(needs, key=self.expected)
        return (*ranked[:1], *(words for words in ranked[1:MAX_SETS] if self.expected(words) < COMMON))


@dataclass(frozen=True)
class Plan:
    """Which words to look for, and what finding them means."""

    words: list[str]
    sets_of_word: list[list[int]]
    """Word → numbers of the sets it belongs to."""
    needing: list[list[tuple[int, list[int]]]]
    """Set → the patterns whose rarest set it is, with the other sets each of them demands."""
    everywhere: list[int]
    """Patterns that demand no word and are read in every turn."""


@dataclass(frozen=True)
class Lens:
    """The part of a plan that concerns some patterns; fields as in `Plan`."""

    needing: list[list[tuple[int, list[int]]]]
    everywhere: list[int]


def plan_scan(patterns: Sequence[Pattern], sample: str) -> Plan:
    """Choose the words worth looking for; pattern i has id i."""
    rarity = _Rarity(sample)
    chosen = [rarity.worth_finding(pattern.needs) for pattern in patterns]
    sets = {words: i for i, words in enumerate(dict.fromkeys(words for needs in chosen for words in needs))}
    words = sorted({word for demanded in sets for word in demanded})
    numbers = {word: i for i, word in enumerate(words)}
    sets_of_word: list[list[int]] = [[] for _ in words]
    for demanded, number in sets.items():
        for word in demanded:
            sets_of_word[numbers[word]].append(number)
    needing: list[list[tuple[int, list[int]]]] = [[] for _ in sets]
    everywhere: list[int] = []
    for pid, needs in enumerate(chosen):
        if needs:
            # A pattern is looked at only when its rarest set is found: cost follows hits, not rules.
            first, *others = (sets[demanded] for demanded in needs)
            needing[first].append((pid, others))
        else:
            everywhere.append(pid)
    return Plan(words, sets_of_word, needing, everywhere)


class Scanner:
    """Finds the words of all patterns at once, and from them the patterns worth reading, turn by turn.

    Immutable, so safe to share between threads.
    """

    def __init__(self, patterns: Sequence[Pattern], *, sample: str = "", cache_dir: Path | None = None) -> None:
        """Plan the scan, or load what an earlier process planned.

        Args:
            patterns: pattern i gets id i.
            sample: text of the kind that will be scanned; says which words are rare and so worth looking for.
            cache_dir: where plans are kept, named by what they come from.
        """
        name = f"scan-{FORMAT}-{_digest(patterns, sample)}.json"
        stored = read_cached(cache_dir, name)
        if stored is None:
            self._plan = plan_scan(patterns, sample)
            write_cached(cache_dir, name, orjson.dumps(self._plan))
        else:
            self._plan = Plan(**orjson.loads(stored))
        self._automaton = AhoCorasick(self._plan.words)

    @property
    def words(self) -> Sequence[str]:
        """All words that are looked for."""
        return self._plan.words

    def lens(self, wanted: Set[int]) -> Lens:
        """What a scan has to look at when only some patterns matter, e.g. those of one business."""
        plan = self._plan
        return Lens(
            needing=[[entry for entry in entries if entry[0] in wanted] for entries in plan.needing],
            everywhere=[pid for pid in plan.everywhere if pid in wanted],
        )

    def scan(self, turns: Sequence[str], lens: Lens) -> dict[int, int]:
        """Pattern id → the turns that may hold it, as bits (bit 0 is turn 0).

        Args:
            turns: folded texts, without a line feed inside.
            lens: from `lens`; patterns outside it are not reported.
        """
        sets_of_word = self._plan.sets_of_word
        by_word: dict[int, int] = {}
        seen = by_word.get
        edges = accumulate(len(turn) + 1 for turn in turns)
        edge, bit = next(edges, 0), 1
        for word, _, end in self._automaton.find_matches_as_indexes("\n".join(turns), overlapping=True):
            while end > edge:  # matches come in the order of their ends, so the turn only moves on
                edge, bit = next(edges), bit << 1
            by_word[word] = seen(word, 0) | bit
        by_set: dict[int, int] = {}
        for word, where in by_word.items():
            for number in sets_of_word[word]:
                by_set[number] = by_set.get(number, 0) | where
        found: dict[int, int] = {}
        for number, where in by_set.items():
            for pid, others in lens.needing[number]:
                both = where
                for other in others:
                    both &= by_set.get(other, 0)
                    if not both:
                        break
                else:
                    found[pid] = both
        for pid in lens.everywhere:
            found[pid] = (1 << len(turns)) - 1
        return found


def _digest(patterns: Sequence[Pattern], sample: str) -> str:
    text = "\n".join([*(pattern.expression for pattern in patterns), sample])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
