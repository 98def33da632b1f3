"""What a collection holds for search: one entry is one thing that can be found, with its days in force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import orjson


@dataclass(frozen=True, slots=True)
class Entry:
    """One clause, FAQ answer, table row or passage."""

    id: str
    """Unique in its collection on any one day: versions of a document share their ids."""
    title: str
    text: str
    """What is shown."""
    extra: str = ""
    """Searched, not shown: keywords, the summary beside an official text."""
    effective: date = date.min
    """First day the entry is valid."""
    expiry: date = date.max
    """First day it is no longer valid."""
    clause_id: str | None = None
    cites: tuple[str, ...] = ()
    """Clause ids that support the text; of a clause, itself."""
    source: str = ""
    """File or regulation it comes from, as shown."""
    sample: bool = False
    """Shipped as an example, to be replaced by the bank's own."""

    @property
    def search_text(self) -> str:
        """What both indexes see."""
        return "\n".join(part for part in (self.title, self.extra, self.text) if part)

    def valid_on(self, day: date) -> bool:
        return self.effective <= day < self.expiry


def day_number(day: date) -> int:
    """2026-02-01 → 20260201: the form in which an index compares days."""
    return day.year * 10_000 + day.month * 100 + day.day


def snapshot_of(entries: Iterable[Entry]) -> str:
    """sha256 over everything an index is derived from."""
    digest = hashlib.sha256()
    for entry in entries:
        row = (entry.id, entry.search_text, entry.effective.isoformat(), entry.expiry.isoformat())
        digest.update(orjson.dumps(row) + b"\n")
    return digest.hexdigest()


def without_repeats(entries: Iterable[Entry]) -> list[Entry]:
    """At most one entry an id on any day; `entries` come in the order of their import, and the newer one wins.

    An older entry stays for the days before the newer one takes effect.
    """
    kept: list[Entry] = []
    starts: dict[str, date] = {}
    for entry in reversed(list(entries)):
        newer = starts.get(entry.id)
        if newer is not None and newer <= entry.effective:
            continue
        starts[entry.id] = entry.effective
        kept.append(entry if newer is None else replace(entry, expiry=min(entry.expiry, newer)))
    return kept[::-1]
