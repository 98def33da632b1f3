"""The clause book: what is cited, when it is in force, and what the snapshot stands for."""

from __future__ import annotations

from datetime import date

import pytest

from kb.clauses import load_clause_book
from xiaobao.errors import PolicyError

SUITABILITY = "nfra-2025-7-suitability#29"
ARTICLE = "npc-pipl-2021#15"


def test_a_clause_binds_from_its_first_day_and_not_before() -> None:
    book = load_clause_book()
    assert not book.in_force(SUITABILITY, date(2026, 1, 31))
    assert book.in_force(SUITABILITY, date(2026, 2, 1))
    assert not book.cite(SUITABILITY, date(2025, 6, 1)).in_force


def test_a_citation_shows_the_summary_and_says_so() -> None:
    citation = load_clause_book().cite(ARTICLE, date(2026, 5, 1))
    assert citation.text_origin == "summary"
    assert citation.article == "第十五条"
    assert citation.title == "中华人民共和国个人信息保护法"


def test_an_official_text_replaces_the_summary_and_keeps_it_searchable() -> None:
    plain = load_clause_book()
    book = load_clause_book({ARTICLE: "第十五条的原文。"})
    citation = book.cite(ARTICLE, date(2026, 5, 1))
    assert (citation.text, citation.text_origin) == ("第十五条的原文。", "official")
    assert book.summary(ARTICLE) == plain.cite(ARTICLE, date(2026, 5, 1)).text


def test_an_article_without_summary_becomes_citable_by_its_official_text() -> None:
    assert "npc-pipl-2021#1" not in load_clause_book()
    citation = load_clause_book({"npc-pipl-2021#1": "立法目的。"}).cite("npc-pipl-2021#1", date(2026, 5, 1))
    assert citation.article == "第一条"
    assert citation.in_force


def test_unknown_ids_are_errors_not_empty_citations() -> None:
    book = load_clause_book()
    assert book.get("no-such-law#1") is None
    assert not book.in_force("no-such-law#1", date(2026, 1, 1))
    with pytest.raises(PolicyError, match="no-such-law#1"):
        book.cite("no-such-law#1", date(2026, 1, 1))
    with pytest.raises(PolicyError, match="no-such-law#1"):
        load_clause_book({"no-such-law#1": "原文"})


def test_the_snapshot_changes_with_the_cited_text_and_with_nothing_else() -> None:
    assert load_clause_book().snapshot == load_clause_book().snapshot
    assert load_clause_book({ARTICLE: "原文"}).snapshot != load_clause_book().snapshot
    assert load_clause_book({ARTICLE: "原文"}).snapshot != load_clause_book({ARTICLE: "原文二"}).snapshot
