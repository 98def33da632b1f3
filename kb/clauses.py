"""The clauses that judgments cite: our summaries shipped as data, replaced by official texts where imported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson
import yaml
from pydantic import ValidationError

from kb.articles import label_of
from xiaobao.domain import Citation, Clause, Regulation
from xiaobao.errors import PolicyError

CLAUSE_FOLDERS = ("regulations", "standards")
"""Folders of `kb/data` that hold clause files; `standards` are the bank's own (shipped ones are samples)."""
END_OF_TIME = date.max


class ClauseBook:
    """Every clause that can be cited, by id. Immutable: an import makes a new book."""

    def __init__(self, clauses: Mapping[str, Clause], summaries: Mapping[str, str]) -> None:
        self._clauses = dict(clauses)
        self._summaries = dict(summaries)

    def __len__(self) -> int:
        return len(self._clauses)

    def __contains__(self, clause_id: object) -> bool:
        return clause_id in self._clauses

    def __iter__(self) -> Iterator[Clause]:
        return iter(self._clauses.values())

    def all(self) -> tuple[Clause, ...]:
        """All clauses, by regulation file and article order."""
        return tuple(self._clauses.values())

    def get(self, clause_id: str) -> Clause | None:
        """The clause, or None when no such id exists."""
        return self._clauses.get(clause_id)

    def in_force(self, clause_id: str, day: date) -> bool:
        """Whether the clause exists and binds a call on `day` (Asia/Shanghai)."""
        clause = self._clauses.get(clause_id)
        return clause is not None and clause.in_force(day)

    def cite(self, clause_id: str, day: date) -> Citation:
        """The citation of a clause for a call on `day`: official text where imported, else our summary.

        Raises:
            PolicyError: no such clause.
        """
        clause = self._clauses.get(clause_id)
        if clause is None:
            raise PolicyError(f"条款不存在：{clause_id!r}")
        return Citation(
            clause_id=clause.clause_id,
            title=clause.regulation.title,
            article=clause.label,
            in_force=clause.in_force(day),
            text_origin=clause.text_origin,
            text=clause.text,
        )

    def summary(self, clause_id: str) -> str:
        """Our own-words summary; empty for an article that only the imported official text has."""
        return self._summaries.get(clause_id, "")

    @cached_property
    def regulations(self) -> Mapping[str, Regulation]:
        """Regulations by slug."""
        return {clause.regulation.slug: clause.regulation for clause in self._clauses.values()}

    @cached_property
    def snapshot(self) -> str:
        """sha256 over every clause as cited, imported texts included: `kb_snapshot` of a judgment's provenance."""
        digest = hashlib.sha256()
        for clause_id in sorted(self._clauses):
            digest.update(orjson.dumps(self._clauses[clause_id].model_dump(mode="json"), option=orjson.OPT_SORT_KEYS))
            digest.update(b"\n")
        return digest.hexdigest()


def load_clause_book(extra_official: Mapping[str, str] | None = None) -> ClauseBook:
    """Read the shipped clause files and lay the operator's official texts over them.

    Args:
        extra_official: clause id → official text. An id whose regulation is known but whose article has no summary
            becomes citable; one of an unknown regulation is an error.

    Raises:
        PolicyError: a clause file is wrong, or an official text belongs to no known regulation.
    """
    clauses: dict[str, Clause] = {}
    known: dict[str, Regulation] = {}
    for file in _clause_files():
        regulation, found = _read(file)
        if regulation.slug in known:
            raise PolicyError(f"{file.name}：法规标识重复 {regulation.slug!r}")
        known[regulation.slug] = regulation
        for clause in found:
            if clause.clause_id in clauses:
                raise PolicyError(f"{file.name}：条款重复 {clause.clause_id!r}")
            clauses[clause.clause_id] = clause
    summaries = {clause_id: clause.text for clause_id, clause in clauses.items()}
    for clause_id, text in (extra_official or {}).items():
        clauses[clause_id] = _official(clause_id, text, clauses.get(clause_id), known)
    return ClauseBook(clauses, summaries)


def _clause_files() -> list[Traversable]:
    data = files("kb") / "data"
    found = [file for folder in CLAUSE_FOLDERS for file in (data / folder).iterdir() if file.name.endswith(".yaml")]
    return sorted(found, key=lambda file: file.name)


def _read(file: Traversable) -> tuple[Regulation, list[Clause]]:
    try:
        # The C loader is ten times the speed of the Python one: every start of the program reads these files.
        raw = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        regulation = Regulation.model_validate({k: v for k, v in raw.items() if k != "clauses"})
        return regulation, [_clause(regulation, item) for item in raw["clauses"]]
    except (yaml.YAMLError, ValidationError, KeyError, AttributeError, TypeError) as exc:
        raise PolicyError(f"条款文件有误 {file.name}：{exc}") from exc


def _clause(regulation: Regulation, item: Mapping[str, Any]) -> Clause:
    article = str(item["article"])
    repealed = item.get("repealed") or regulation.repealed
    return Clause(
        clause_id=f"{regulation.slug}#{article}",
        regulation=regulation,
        article=article,
        label=item["label"],
        title=item["title"],
        text=item["summary"].strip(),
        text_origin="summary",
        keywords=tuple(str(word) for word in item.get("keywords") or ()),
        effective=item.get("effective") or regulation.effective,
        repealed=repealed,
    )


def _official(clause_id: str, text: str, clause: Clause | None, known: Mapping[str, Regulation]) -> Clause:
    if clause is not None:
        return clause.model_copy(update={"text": text, "text_origin": "official"})
    slug, _, article = clause_id.partition("#")
    regulation = known.get(slug)
    if regulation is None:
        raise PolicyError(f"官方原文所属法规未登记：{clause_id!r}")
    return Clause(
        clause_id=clause_id,
        regulation=regulation,
        article=article,
        label=label_of(article, regulation.unit),
        title="",
        text=text,
        text_origin="official",
        effective=regulation.effective,
        repealed=regulation.repealed,
    )
