"""Reading one object under alias names, and knowing what was left unread."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from xiaobao.intake.aliases import CONTEXT_FLAGS, CONTEXT_NUMBERS, FALSE_WORDS, TRUE_WORDS, fold

_folded = lru_cache(maxsize=2048)(fold)


def _fold_key(key: str) -> str:
    return _folded(key) if len(key) <= 64 else fold(key)  # no hostile key may occupy the cache with megabytes


class Fields:
    """The entries of `raw`, taken once each by field name through `aliases` (field → folded names, best first)."""

    def __init__(self, raw: Mapping[str, Any], aliases: Mapping[str, tuple[str, ...]]) -> None:
        self._raw = raw
        self._aliases = aliases
        self._keys: dict[str, str] = {}
        for key in raw:
            self._keys.setdefault(_fold_key(str(key)), key)
        self._taken: set[str] = set()
        self.used: dict[str, str] = {}
        """Field → the key it was found under."""

    def take(self, name: str) -> Any:
        """The first value that is neither null nor empty text under the names of a field, else None; then it is read.

        Keys that hold null stay behind a better alias but count as read.
        """
        for alias in self._aliases[name]:
            key = self._keys.get(alias)
            if key is None or key in self._taken:
                continue
            self._taken.add(key)
            value = self._raw[key]
            self.used.setdefault(name, key)
            if value is not None and value != "":
                self.used[name] = key
                return value
        return self._raw[self.used[name]] if name in self.used else None

    def had(self, name: str) -> bool:
        """Whether `take(name)` met a key, even an empty one."""
        return name in self.used

    def filled(self, name: str) -> bool:
        """Whether `take(name)` met a value."""
        return name in self.used and self._raw[self.used[name]] not in (None, "")

    def rest(self) -> dict[str, Any]:
        """What nobody took, under its own keys."""
        return {key: value for key, value in self._raw.items() if key not in self._taken}


def text_or_none(value: object) -> str | None:
    """An id or name: text without outer blanks, or a whole number as text; None for anything else and for blank."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def flag(value: object) -> bool | None:
    """true/false, 1/0, 是/否; None when it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    word = fold(value) if isinstance(value, str) else None
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def context_value(key: str, value: object) -> object:
    """A fact as rules expect it: counts as numbers and flags as booleans where a table could only give text."""
    if not isinstance(value, str):
        return value
    if key in CONTEXT_NUMBERS:
        try:
            number = float(value.replace(",", ""))
        except ValueError:
            return value
        return int(number) if number.is_integer() else number if abs(number) < 1e15 else value
    if key in CONTEXT_FLAGS:
        known = flag(value)
        return value if known is None else known
    return value
