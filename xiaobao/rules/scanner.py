"""One Hyperscan pass over a whole call: which patterns may stand in which turns."""

from __future__ import annotations

import os
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import hyperscan

from xiaobao.errors import PolicyError
from xiaobao.rules.patterns import Pattern, digest


class Scanner:
    """The compiled filters of a rule set. Safe to share between threads: a database owns one scratch, so scans take turns."""

    def __init__(self, patterns: Sequence[Pattern], *, cache_dir: Path | None = None) -> None:
        """Compile, or load what an earlier process compiled.

        Args:
            patterns: pattern i gets id i.
            cache_dir: where compiled databases are kept, named by the sha256 of the filters and the library version.

        Raises:
            PolicyError: Hyperscan refuses a filter; the message names the pattern.
        """
        filters = {text: i for i, text in enumerate(dict.fromkeys(f for p in patterns for f in p.filters))}
        self._needs = [tuple(filters[f] for f in pattern.filters) for pattern in patterns]
        self._database = _load_or_compile(patterns, list(filters), cache_dir) if patterns else None
        self._lock = threading.Lock()

    def scan(self, turns: Sequence[str]) -> dict[int, list[int]]:
        """Pattern id → ascending 0-based turns that may hold it. `turns` are folded texts (no line feed inside)."""
        pieces = [turn.encode("utf-8", "surrogatepass") for turn in turns]
        ends = list(accumulate(len(piece) + 1 for piece in pieces))
        held: dict[int, set[int]] = {}

        def on_match(text: int, _start: int, end: int, _flags: int, _context: object) -> None:
            held.setdefault(text, set()).add(bisect_left(ends, end))

        if self._database is not None:
            with self._lock:
                self._database.scan(b"\n".join(pieces), match_event_handler=on_match)
        found: dict[int, list[int]] = {}
        for pattern, needs in enumerate(self._needs):
            if all(text in held for text in needs):
                turns_held = set.intersection(*(held[text] for text in needs))
                if turns_held:
                    found[pattern] = sorted(turns_held)
        return found


def _load_or_compile(
    patterns: Sequence[Pattern], filters: Sequence[bytes], cache_dir: Path | None
) -> hyperscan.Database:
    if cache_dir is None:
        return _compile(patterns, filters)
    path = cache_dir / f"hs-{hyperscan.__version__}-{digest(patterns)[:32]}.db"
    if path.exists():
        try:
            database = hyperscan.loadb(path.read_bytes(), hyperscan.HS_MODE_BLOCK)
            database.scratch = hyperscan.Scratch(database)  # `compile` allocates one, `loadb` does not
            return database
        except Exception:  # another CPU or library build wrote it; hyperscan raises its own untyped errors
            path.unlink(missing_ok=True)
    database = _compile(patterns, filters)
    cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written beside and renamed, so that a second process never loads half a file.
    with tempfile.NamedTemporaryFile(dir=cache_dir, delete=False) as handle:
        handle.write(hyperscan.dumpb(database))
    os.replace(handle.name, path)
    return database


def _compile(patterns: Sequence[Pattern], filters: Sequence[bytes]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=filters,
            ids=list(range(len(filters))),
            elements=len(filters),
            flags=[0] * len(filters),
        )
    except hyperscan.error as exc:
        raise PolicyError(f"模式库编译失败：{exc}（{_culprit(patterns)}）") from exc
    return database


def _culprit(patterns: Sequence[Pattern]) -> str:
    """The first pattern that does not compile alone; only asked after a failure."""
    for pattern in patterns:
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
                expressions=list(pattern.filters),
                ids=list(range(len(pattern.filters))),
                elements=len(pattern.filters),
                flags=[0] * len(pattern.filters),
            )
        except hyperscan.error:
            return pattern.source
    return "单独编译均成功，合在一起过大"
