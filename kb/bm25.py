"""Keyword index: BM25 (bm25s) over the features of `tokenize`, kept on disk as arrays beside its vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from bm25s import BM25

from kb.tokenize import features

K1, B = 1.5, 0.75
"""The textbook values; on the three development sets of benchmarks/retrieval.py no other pair won on all."""
_QUERY_REPEATS = 2
"""A feature said three times in a question is not three times as important."""


class KeywordIndex:
    """BM25 scores of every entry of one collection, by row."""

    def __init__(self, model: BM25 | None, rows: int) -> None:
        self._model = model
        self.rows = rows

    @classmethod
    def build(cls, texts: Sequence[str]) -> KeywordIndex:
        tokens = [features(text) for text in texts]
        if not any(tokens):
            # bm25s cannot index an empty vocabulary; nothing can be found in it either.
            return cls(None, len(texts))
        model = BM25(k1=K1, b=B, method="lucene")
        model.index(tokens, show_progress=False)
        return cls(model, len(texts))

    def save(self, folder: Path) -> None:
        if self._model is not None:
            self._model.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path, rows: int) -> KeywordIndex:
        """Read what `save` wrote; the caller has verified the files.

        Raises:
            ValueError: the index holds another number of rows.
        """
        if not any(folder.iterdir()):
            return cls(None, rows)
        model = BM25.load(folder, load_corpus=False)
        if model.scores["num_docs"] != rows:
            raise ValueError(f"{model.scores['num_docs']} rows stored, {rows} expected")
        return cls(model, rows)

    @cached_property
    def document_frequency(self) -> Mapping[str, int]:
        """In how many entries each feature occurs."""
        if self._model is None:
            return {}
        counts = np.diff(self._model.scores["indptr"])
        return {token: int(counts[number]) for token, number in self._model.vocab_dict.items() if number < len(counts)}

    def scores(self, query: str) -> np.ndarray:
        """BM25 score of every row; zeros where no feature is shared."""
        ids = [
            number
            for token, count in Counter(features(query)).items()
            if (number := self._number(token)) is not None
            for _ in range(min(count, _QUERY_REPEATS))
        ]
        if self._model is None or not ids:
            return np.zeros(self.rows, dtype=np.float32)
        return self._model.get_scores_from_ids(ids)

    def coverage(self, query: str, rows: Sequence[int]) -> list[float]:
        """How much of the question each row speaks to: the share (0 to 1) of its features' weight found in the row.

        Weight is inverse document frequency, and a feature that no entry has weighs most: a question about something
        the collection does not hold gets a low share even from its best row.
        """
        weights: list[float] = []
        found = np.zeros((len(rows),), dtype=np.float64)
        wanted = np.asarray(rows)
        for token in set(features(query)):
            frequency = self.document_frequency.get(token, 0)
            weight = float(np.log1p(self.rows / max(frequency, 1)))
            weights.append(weight)
            if frequency and self._model is not None:
                start, end = self._model.scores["indptr"][
                    self._model.vocab_dict[token] : self._model.vocab_dict[token] + 2
                ]
                found += weight * np.isin(wanted, self._model.scores["indices"][start:end])
        total = sum(weights)
        return [float(value / total) if total else 0.0 for value in found]

    def _number(self, token: str) -> int | None:
        return None if self._model is None else self._model.vocab_dict.get(token)
