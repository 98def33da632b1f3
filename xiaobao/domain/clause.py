"""A clause of a regulation (or of the bank's own standard) and how a judgment cites it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from xiaobao.domain.base import Frozen

TextOrigin = Literal["summary", "official"]


class Regulation(Frozen):
    """Where clauses come from."""

    slug: str
    title: str
    short_title: str
    doc_number: str
    issuer: str
    issued: date
    effective: date
    """First day in force."""
    repealed: date | None = None
    """First day no longer in force."""
    unit: Literal["article", "section"] = "article"
    sample: bool = False
    """True for the sample internal service standard: to be replaced by the bank's own."""


class Clause(Frozen):
    """One article; `clause_id` is `<slug>#<article>`, e.g. `npc-criminal-law#293-1`."""

    clause_id: str
    regulation: Regulation
    article: str
    """Number as in the id, e.g. `42` or `293-1`."""
    label: str
    """As printed, e.g. 第四十二条."""
    title: str
    text: str
    text_origin: TextOrigin
    """`summary`: our own words; `official`: imported by the operator."""
    keywords: tuple[str, ...] = ()
    effective: date
    repealed: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the clause binds a call on `day` (Asia/Shanghai calendar day)."""
        return self.effective <= day and (self.repealed is None or day < self.repealed)


class Citation(Frozen):
    """What a finding shows of a clause."""

    clause_id: str
    title: str
    """Title of the regulation."""
    article: str
    """Label as printed, e.g. 第四十二条."""
    in_force: bool
    text_origin: TextOrigin
    text: str
