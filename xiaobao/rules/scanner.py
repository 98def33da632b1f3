"""One Hyperscan pass over a whole call: which patterns may stand in which turns."""

from __future__ import annotations

import tempfile
import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import hyperscan

from xiaobao.rules.patterns import Pattern, digest


class Scanner:
    """Finds the words of all patterns at once, and from them the patterns worth reading, turn by turn.

    Safe to share between threads: a database owns one scratch, so scans take turns.
    """

    def __init__(self, patterns: Sequence[Pattern], *, cache_dir: Path | None = None) -> None:
        """Compile, or load what an earlier process compiled.

        Args:
            patterns: pattern i gets id i.
            cache_dir: where compiled databases are kept, named by the sha256 of the words and the library version.
        """
        sets = {words: i for i, words in enumerate(dict.fromkeys(words for p in patterns for words in p.needs))}
        self._words = sorted({word for words in sets for word in words})
        numbers = {word: i for i, word in enumerate(self._words)}
        self._sets_of: list[list[int]] = [[] for _ in self._words]
        for words, number in sets.items():
            for word in words:
                self._sets_of[numbers[word]].append(number)
        # A pattern is looked at only when its most telling set is found: what a call costs follows its hits, not the rules.
        self._needing: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in sets]
        self._everywhere: list[int] = []
        for pid, pattern in enumerate(patterns):
            if pattern.needs:
                first, *others = (sets[words] for words in pattern.needs)
                self._needing[first].append((pid, tuple(others)))
            else:
                self._everywhere.append(pid)
        self._database = _load_or_compile(self._words, cache_dir) if self._words else None
        self._lock = threading.Lock()

    def scan(self, turns: Sequence[str]) -> dict[int, int]:
        """Pattern id → the turns that may hold it, as bits (bit 0 is turn 0).

        Args:
            turns: folded texts, without a line feed inside.
        """
        pieces = [turn.encode("utf-8", "surrogatepass") for turn in turns]
        ends = list(accumulate(len(piece) + 1 for piece in pieces))
        by_word: dict[int, int] = {}
        seen = by_word.get

        def on_match(word: int, _start: int, end: int, _flags: int, _context: object) -> None:
            by_word[word] = seen(word, 0) | 1 << bisect_left(ends, end)

        if self._database is not None:
            with self._lock:
                self._database.scan(b"\n".join(pieces), match_event_handler=on_match)
        by_set: dict[int, int] = {}
        for word, where in by_word.items():
            for number in self._sets_of[word]:
                by_set[number] = by_set.get(number, 0) | where
        found: dict[int, int] = {}
        for number, where in by_set.items():
            for pid, others in self._needing[number]:
                both = where
                for other in others:
                    both &= by_set.get(other, 0)
                    if not both:
                        break
                else:
                    found[pid] = both
        for pid in self._everywhere:
            found[pid] = (1 << len(turns)) - 1
        return found


def _load_or_compile(words: Sequence[str], cache_dir: Path | None) -> hyperscan.Database:
    if cache_dir is None:
        return _compile(words)
    path = cache_dir / f"hs-{hyperscan.__version__}-{digest(words)[:32]}.db"
    if path.exists():
        try:
            return _with_scratch(hyperscan.loadb(path.read_bytes(), hyperscan.HS_MODE_BLOCK))
        except Exception:  # another CPU or library build wrote it; hyperscan raises its own untyped errors
            path.unlink(missing_ok=True)
    database = _compile(words)
    cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written beside and renamed, so that a second process never loads half a file.
    with tempfile.NamedTemporaryFile(dir=cache_dir, delete=False) as handle:
        handle.write(hyperscan.dumpb(database))
    Path(handle.name).replace(path)
    return database


def _with_scratch(database: hyperscan.Database) -> hyperscan.Database:
    """A loaded database has no scratch yet; without one the first scan fails."""
    database.scratch = hyperscan.Scratch(database)
    return database


def _compile(words: Sequence[str]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[
            "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")).encode() for word in words
        ],
        ids=list(range(len(words))),
        elements=len(words),
        flags=[0] * len(words),
    )
    return database
