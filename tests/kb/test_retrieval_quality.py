"""Floors for search quality on questions of our own; the figures themselves come from benchmarks/retrieval.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kb.clauses import load_clause_book
from kb.entries import Entry
from kb.faq import load_faq
from kb.retriever import Hit, Retriever
from kb.service import clause_entries
from kb.vectors import ExactVectors

QUESTIONS = [
    json.loads(line) for line in (Path(__file__).parent / "clause_queries.jsonl").read_text("utf-8").splitlines()
]
OFF_TOPIC = [
    "今天天气怎么样",
    "世界杯冠军是谁",
    "手机怎么截屏",
    "周末去哪里爬山",
    "怎么做红烧肉",
    "北京烤鸭哪家好吃",
    "打印机坏了找谁",
]


def _found(entries: list[Entry], queries: list[str]) -> list[list[Hit]]:
    return Retriever(lambda _: entries, ExactVectors()).search_many(queries, collection="x", top_k=5)


@pytest.fixture(scope="module")
def hits() -> list[list[Hit]]:
    return _found(clause_entries(load_clause_book()), [question["query"] for question in QUESTIONS])


def test_every_question_names_clauses_that_exist() -> None:
    book = load_clause_book()
    assert [clause for question in QUESTIONS for clause in question["clauses"] if clause not in book] == []


def test_a_right_clause_is_among_the_first_five(hits: list[list[Hit]]) -> None:
    right = [any(hit.id in question["clauses"] for hit in row) for question, row in zip(QUESTIONS, hits, strict=True)]
    assert sum(right) / len(right) >= 0.95


def test_a_right_clause_mostly_comes_first(hits: list[list[Hit]]) -> None:
    right = [row[0].id in question["clauses"] for question, row in zip(QUESTIONS, hits, strict=True)]
    assert sum(right) / len(right) >= 0.75


def test_questions_on_other_matters_are_mostly_turned_away() -> None:
    entries = [*clause_entries(load_clause_book()), *load_faq()]
    turned_away = [not any(hit.relevant for hit in row) for row in _found(entries, OFF_TOPIC)]
    assert sum(turned_away) / len(turned_away) >= 0.8


def test_questions_of_the_trade_find_something_relevant(hits: list[list[Hit]]) -> None:
    assert sum(row[0].relevant for row in hits) / len(hits) >= 0.9
