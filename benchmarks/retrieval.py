"""How well search finds: hit@1/5/10 and MRR of keywords alone, vectors alone, and both fused.

    python benchmarks/retrieval.py [--shared DIR]

The clause questions are ours (tests/kb/clause_queries.jsonl). The other sets are third-party development data that is
not part of the product; they are measured where the folder exists.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from kb.bm25 import KeywordIndex
from kb.clauses import load_clause_book
from kb.embedding import NgramEmbedder
from kb.entries import Entry
from kb.retriever import CANDIDATES, Retriever
from kb.service import clause_entries
from kb.vectors import ExactVectors

ROOT = Path(__file__).resolve().parents[1]
CLAUSE_QUERIES = ROOT / "tests" / "kb" / "clause_queries.jsonl"
CUTS = (1, 5, 10)


@dataclass(frozen=True)
class Question:
    """A query and the ids of which any is a right answer."""

    text: str
    right: frozenset[str]


@dataclass(frozen=True)
class Dataset:
    name: str
    entries: Sequence[Entry]
    questions: Sequence[Question]


def clause_dataset() -> Dataset:
    rows = _rows(CLAUSE_QUERIES)
    questions = [Question(row["query"], frozenset(row["clauses"])) for row in rows]
    return Dataset("clauses", clause_entries(load_clause_book()), questions)


def shared_datasets(shared: Path) -> list[Dataset]:
    """Those of the three sets that are there."""
    found = []
    for name, corpus, queries in (
        ("bank-faq", "bank_faq_zh_tw/corpus_answers_only.jsonl", "bank_faq_zh_tw/queries_question_to_answer.jsonl"),
        ("bq", *(f"finance_question_pairs/bq_retrieval_{part}.jsonl" for part in ("corpus", "queries"))),
        ("atec", *(f"finance_question_pairs/atec_retrieval_{part}.jsonl" for part in ("corpus", "queries"))),
    ):
        if (shared / "data" / corpus).exists():
            entries = [Entry(id=row["doc_id"], title="", text=row["text"]) for row in _rows(shared / "data" / corpus)]
            rows = _rows(shared / "data" / queries)
            found.append(Dataset(name, entries, [Question(r["query"], frozenset(r["relevant"])) for r in rows]))
    return found


def measure(dataset: Dataset) -> dict[str, list[float]]:
    """Per arm: hit@1, hit@5, hit@10, MRR (of the first ten)."""
    texts = [entry.search_text for entry in dataset.entries]
    keywords = KeywordIndex.build(texts)
    vectors = ExactVectors()
    vectors.open("x", dataset.entries, NgramEmbedder(keywords.document_frequency, len(texts)), "")
    retriever = Retriever(lambda _: dataset.entries, ExactVectors())
    queries = [question.text for question in dataset.questions]
    near = vectors.query("x", queries, None, CANDIDATES)
    fused = retriever.search_many(queries, collection="x", top_k=CUTS[-1])
    ids = [entry.id for entry in dataset.entries]
    arms: dict[str, Callable[[int], list[str]]] = {
        "bm25": lambda i: [ids[row] for row in (-keywords.scores(queries[i])).argsort(kind="stable")[: CUTS[-1]]],
        "dense": lambda i: [ids[row] for row, _ in near[i][: CUTS[-1]]],
        "fused": lambda i: [hit.id for hit in fused[i]],
    }
    return {arm: _figures([ranked(i) for i in range(len(queries))], dataset.questions) for arm, ranked in arms.items()}


def _figures(ranked: Sequence[Sequence[str]], questions: Sequence[Question]) -> list[float]:
    ranks = [
        next((place for place, name in enumerate(names, start=1) if name in question.right), None)
        for names, question in zip(ranked, questions, strict=True)
    ]
    hits = [sum(rank is not None and rank <= cut for rank in ranks) / len(ranks) for cut in CUTS]
    return [*hits, sum(1 / rank for rank in ranks if rank) / len(ranks)]


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with the development data")
    shared = parser.parse_args().shared
    print(f"{'set':<10}{'n':>5}{'docs':>6}  {'arm':<6}{'hit@1':>8}{'hit@5':>8}{'hit@10':>8}{'MRR':>8}")
    for dataset in (clause_dataset(), *shared_datasets(shared)):
        started = perf_counter()
        for arm, figures in measure(dataset).items():
            shown = "".join(f"{figure:8.3f}" for figure in figures)
            print(f"{dataset.name:<10}{len(dataset.questions):>5}{len(dataset.entries):>6}  {arm:<6}{shown}")
        print(f"{'':<10}{perf_counter() - started:.1f} s for indexing and all three arms")


if __name__ == "__main__":
    main()
