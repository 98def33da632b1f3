"""Hybrid search: the day of the call, the two arms, and the order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kb.entries import Entry
from kb.index import ChromaVectors
from kb.index_dir import IndexDirectory
from kb.retriever import Retriever
from kb.vectors import ExactVectors, VectorStore

ENTRIES = [
    Entry(id="old", title="年费旧标准", text="年费每年一百元", effective=date(2020, 1, 1), expiry=date(2026, 1, 1)),
    Entry(id="new", title="年费新标准", text="年费每年二百元", effective=date(2026, 1, 1)),
    Entry(id="open", title="年费减免", text="刷卡满六次减免年费"),
    Entry(id="other", title="挂失", text="卡片遗失请立即挂失"),
]


@pytest.fixture(params=["chroma", "exact"])
def retriever(request: pytest.FixtureRequest, tmp_path: Path):
    directory = IndexDirectory.own(tmp_path) if request.param == "chroma" else None
    vectors: VectorStore = ChromaVectors(directory) if directory else ExactVectors()
    yield Retriever(lambda _: ENTRIES, vectors, directory)
    vectors.close()


def _ids(retriever: Retriever, day: date | None) -> set[str]:
    return {hit.id for hit in retriever.search("年费标准是多少", collection="x", day=day)}


def test_an_entry_is_found_only_on_the_days_it_is_valid(retriever: Retriever) -> None:
    assert _ids(retriever, date(2025, 12, 31)) == {"old", "open"}
    assert _ids(retriever, date(2026, 1, 1)) == {"new", "open"}
    assert _ids(retriever, date(2019, 12, 31)) == {"open"}
    assert _ids(retriever, None) == {"old", "new", "open"}


def test_both_arms_report_their_rank_and_the_first_in_both_scores_one(retriever: Retriever) -> None:
    first, *rest = retriever.search("卡片遗失怎么挂失", collection="x")
    assert (first.id, first.keyword_rank, first.vector_rank, first.score) == ("other", 1, 1, 1.0)
    assert first.relevant
    assert all(hit.score < 1.0 for hit in rest)


def test_scores_never_rise_down_the_list_and_top_k_is_kept(retriever: Retriever) -> None:
    hits = retriever.search("年费减免标准挂失", collection="x", top_k=3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_many_questions_get_the_same_hits_as_one_at_a_time(retriever: Retriever) -> None:
    queries = ["年费", "挂失", "完全无关的火星话题"] * 100
    together = retriever.search_many(queries, collection="x", day=date(2026, 5, 1))
    assert together[:3] == [retriever.search(query, collection="x", day=date(2026, 5, 1)) for query in queries[:3]]
    assert len(together) == 300


def test_a_question_about_nothing_held_is_not_relevant(retriever: Retriever) -> None:
    assert not any(hit.relevant for hit in retriever.search("周末去哪里爬山看电影", collection="x"))


def test_forgotten_collections_are_read_again(tmp_path: Path) -> None:
    entries = list(ENTRIES)
    retriever = Retriever(lambda _: list(entries), ExactVectors())
    assert "late" not in {hit.id for hit in retriever.search("跨境汇款额度", collection="x")}
    entries.append(Entry(id="late", title="跨境汇款", text="跨境汇款额度说明"))
    retriever.forget("x")
    assert retriever.search("跨境汇款额度", collection="x")[0].id == "late"
