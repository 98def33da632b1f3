"""The shipped questions and answers."""

from __future__ import annotations

from kb.clauses import load_clause_book
from kb.faq import load_faq


def test_every_answer_is_supported_by_clauses_that_exist() -> None:
    book = load_clause_book()
    entries = load_faq()
    assert len(entries) >= 40
    assert [(entry.id, cite) for entry in entries for cite in entry.cites if cite not in book] == []
    assert [entry.id for entry in entries if not entry.cites] == []


def test_every_answer_is_marked_as_a_sample() -> None:
    assert all(entry.sample for entry in load_faq())
