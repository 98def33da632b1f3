"""The clause summaries shipped in kb/data: shape, article numbers, own words, and coverage of the citation map.

The official texts are not part of the repository. They are looked for in `$XIAOBAO_SHARED/regulations`, then in
`../shared/regulations` beside the repository root; without them the checks that need them are skipped.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from xiaobao.domain.clause import Clause, Regulation

ROOT = Path(__file__).parents[2]
DATA = ROOT / "kb" / "data"
FILES = sorted([*DATA.glob("regulations/*.yaml"), *DATA.glob("standards/*.yaml")])
REGULATION_KEYS = set(Regulation.model_fields)
CLAUSE_KEYS = {"article", "label", "title", "summary", "keywords", "effective", "repealed"}
COPIED_RUN = 20
"""Characters in a row, punctuation aside, that count as copied from the official text."""

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = "[零一二三四五六七八九十百千]+"
_ARTICLE = re.compile(rf"^第({_NUMERAL})条(?:之({_NUMERAL}))?")
_SECTION = re.compile(rf"^(?:第({_NUMERAL})节|({_NUMERAL})、)")


def _number(numeral: str) -> int:
    total, digit = 0, 0
    for char in numeral:
        if char in _UNITS:
            total += (digit or 1) * _UNITS[char]
            digit = 0
        else:
            digit = _DIGITS[char]
    return total + digit


def _article_of(line: str, unit: str) -> str | None:
    """Article number a line opens with, e.g. `293-1`; None when it opens none."""
    if unit == "section":
        section = _SECTION.match(line)
        return str(_number(section[1] or section[2])) if section else None
    article = _ARTICLE.match(line)
    if article is None:
        return None
    return f"{_number(article[1])}" + (f"-{_number(article[2])}" if article[2] else "")


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


@cache
def _load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def _shared() -> Path | None:
    configured = os.environ.get("XIAOBAO_SHARED")
    folder = (Path(configured) if configured else ROOT.parent / "shared") / "regulations"
    return folder if folder.is_dir() else None


def _official_text(slug: str) -> str:
    folder = _shared()
    if folder is None:
        pytest.skip("official texts absent: set XIAOBAO_SHARED to the folder that holds regulations/")
    return (folder / f"{slug}.md").read_text(encoding="utf-8")


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_regulation = pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent.name == "regulations"], ids=lambda path: path.stem
)


@pytest.mark.parametrize(
    ("line", "unit", "article"),
    [
        ("第十条　保险公司", "article", "10"),
        ("第二十三条　贷款申请", "article", "23"),
        ("第二百九十三条之一　以暴力", "article", "293-1"),
        ("第一千零三十二条　自然人", "article", "1032"),
        ("十二、发行", "section", "12"),
        ("（一）其他", "section", None),
        ("依照第十条办理", "article", None),
    ],
)
def test_chinese_article_numbers_are_read(line: str, unit: str, article: str | None) -> None:
    assert _article_of(line, unit) == article


def test_clause_files_exist_for_regulations_and_for_the_sample_standard() -> None:
    assert (DATA / "standards" / "sample-internal-service-standard.yaml") in FILES
    assert len(FILES) > 1


@each_file
def test_file_has_the_shape_of_regulation_and_clauses(path: Path) -> None:
    data = dict(_load(path))
    clauses = data.pop("clauses")
    assert set(data) <= REGULATION_KEYS
    regulation = Regulation(**data)
    assert regulation.slug == path.stem
    assert regulation.sample is (path.parent.name == "standards")
    assert regulation.issued <= regulation.effective
    numbers = [clause["article"] for clause in clauses]
    assert numbers and len(set(numbers)) == len(numbers)
    for entry in clauses:
        assert set(entry) <= CLAUSE_KEYS
        assert isinstance(entry["article"], str) and re.fullmatch(r"\d+(-\d+)?", entry["article"])
        clause = Clause(
            clause_id=f"{regulation.slug}#{entry['article']}",
            regulation=regulation,
            article=entry["article"],
            label=entry["label"],
            title=entry["title"],
            text=entry["summary"],
            text_origin="summary",
            keywords=tuple(entry["keywords"]),
            effective=entry.get("effective") or regulation.effective,
            repealed=entry.get("repealed") or regulation.repealed,
        )
        assert _article_of(clause.label, regulation.unit) == clause.article, clause.clause_id
        assert 0 < len(clause.title) <= 20, clause.clause_id
        assert 40 <= len(clause.text) <= 160, (clause.clause_id, len(clause.text))
        assert 3 <= len(set(clause.keywords)) == len(clause.keywords) <= 8, clause.clause_id
        assert all(isinstance(keyword, str) and keyword for keyword in entry["keywords"]), clause.clause_id


@each_regulation
def test_every_article_number_exists_in_the_official_text(path: Path) -> None:
    data = _load(path)
    official = {_article_of(line, data["unit"]) for line in _official_text(data["slug"]).splitlines()}
    assert [entry["article"] for entry in data["clauses"] if entry["article"] not in official] == []


@each_regulation
def test_no_summary_copies_the_official_text(path: Path) -> None:
    data = _load(path)
    text = _words(_official_text(data["slug"]))
    official = {text[start : start + COPIED_RUN] for start in range(len(text) - COPIED_RUN + 1)}
    copied = {}
    for entry in data["clauses"]:
        summary = _words(entry["summary"])
        runs = (summary[start : start + COPIED_RUN] for start in range(len(summary) - COPIED_RUN + 1))
        if shared := [run for run in runs if run in official]:
            copied[entry["article"]] = shared[0]
    assert copied == {}


def test_every_cited_clause_has_a_summary() -> None:
    folder = _shared()
    if folder is None or not (folder / "citations.yaml").is_file():
        pytest.skip("citations.yaml absent: set XIAOBAO_SHARED to the folder that holds regulations/")
    citations = yaml.safe_load((folder / "citations.yaml").read_text(encoding="utf-8"))["citations"]
    cited = {citation["ref"] for entries in citations.values() for citation in entries}
    summarised = {f"{_load(path)['slug']}#{entry['article']}" for path in FILES for entry in _load(path)["clauses"]}
    assert cited and sorted(cited - summarised) == []
