"""The public vocabulary: 29 violation categories and 8 customer signals (`taxonomy.yaml`)."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files

import yaml

from xiaobao.domain.base import Frozen


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"

    @property
    def zh(self) -> str:
        return {"critical": "严重", "major": "重要", "minor": "一般"}[self.value]

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Kind(StrEnum):
    COMMISSION = "commission"
    OMISSION = "omission"


class Category(Frozen):
    """One kind of fault of an agent."""

    slug: str
    zh: str
    domain: str
    """sales | collections | service | any"""
    kind: Kind
    severity: Severity


class Signal(Frozen):
    """Something a customer showed; never a fault of the agent."""

    slug: str
    zh: str


class Taxonomy(Frozen):
    version: int
    categories: dict[str, Category]
    signals: dict[str, Signal]


@cache
def taxonomy() -> Taxonomy:
    """The shipped taxonomy, read once per process."""
    raw = yaml.safe_load(files("xiaobao.domain").joinpath("taxonomy.yaml").read_text("utf-8"))
    return Taxonomy(
        version=raw["version"],
        categories={slug: Category(slug=slug, **body) for slug, body in raw["violations"].items()},
        signals={slug: Signal(slug=slug, **body) for slug, body in raw["signals"].items()},
    )
