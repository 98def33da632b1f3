"""Translates the patterns of one pack, and remembers the result: checking thousands of expressions takes seconds."""

from __future__ import annotations

from pathlib import Path

import orjson

from xiaobao.rules.cache import read_cached, write_cached
from xiaobao.rules.patterns import Lexicon, Pattern, alternatives, compile_pattern


class Translation:
    """The patterns of one revision of a pack. What an earlier process has checked is not checked again."""

    def __init__(self, lexicon: Lexicon, *, revision: str, cache_dir: Path | None) -> None:
        """
        Args:
            revision: names the pack's whole content; another revision shares nothing.
        """
        self.lexicon = lexicon
        self._name = f"patterns-{revision.removeprefix('sha256:')[:32]}.json"
        self._cache_dir = cache_dir
        stored = read_cached(cache_dir, self._name)
        self._stored: dict[str, list[str]] = orjson.loads(stored) if stored else {}
        self._whole: dict[str, Pattern] = {}
        self._parts: dict[str, list[Pattern]] = {}
        self._fresh = not self._stored

    def whole(self, source: str) -> Pattern:
        """One pattern as it stands, for exclusions and facts.

        Raises:
            PolicyError: as `compile_pattern`.
        """
        if source not in self._whole:
            self._whole[source] = compile_pattern(source, self.lexicon)
        return self._whole[source]

    def parts(self, source: str) -> list[Pattern]:
        """A pattern as one for each top-level alternative: alone, each demands words of its own and is read rarely.

        Raises:
            PolicyError: as `compile_pattern`.
        """
        if source not in self._parts:
            expressions = self._stored.get(source)
            if expressions is None:
                expressions = self._stored[source] = alternatives(self.whole(source).expression)
            self._parts[source] = [Pattern(source=source, expression=expression) for expression in expressions]
        return self._parts[source]

    def save(self) -> None:
        """Keep what was checked, once all of the pack compiled."""
        if self._fresh:
            write_cached(self._cache_dir, self._name, orjson.dumps(self._stored))
