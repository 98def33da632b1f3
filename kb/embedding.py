"""The embedding model: hashed n-gram vectors. Nothing to download, the same numbers on every machine.

A text becomes the sum of signed unit vectors of its features (characters, pairs, words, concepts), weighted by
sublinear term frequency × inverse document frequency of the collection, L2-normalised. Cosine then equals TF-IDF
similarity up to hash collisions (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from kb.tokenize import CONCEPT_MARK, features, tokenizer_fingerprint

DIMENSIONS = 1024
"""Twice as many lift the vector arm by up to 2 points of hit@5 (benchmarks/retrieval.py), the fused result by none."""
MODEL_NAME = "xiaobao-ngram-hash/1"
_TF_POWER = 0.5
_IDF_POWER = 0.7
_PAIR_WEIGHT = 0.4
"""A pair repeats what its two characters already say. 0.3 to 0.5 beat 0.8 and 1 on all four sets of the benchmark."""


class NgramEmbedder:
    """Text → float32 vectors of length `DIMENSIONS`, fitted to one collection's document frequencies."""

    def __init__(self, document_frequency: Mapping[str, int], documents: int) -> None:
        self._frequency = document_frequency
        self._documents = documents
        self._placed: dict[str, tuple[int, float]] = {}

    @property
    def model_id(self) -> str:
        """Name and version of the model, without what it was fitted to."""
        return f"{MODEL_NAME}:{DIMENSIONS}:{_TF_POWER}:{_IDF_POWER}:{_PAIR_WEIGHT}:{tokenizer_fingerprint()}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text; a text without any feature is the zero vector."""
        out = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = Counter(features(text))
            if counts:
                buckets, weights = zip(*map(self._place, counts), strict=True)
                terms = np.array(weights) * np.array(list(counts.values()), dtype=np.float64) ** _TF_POWER
                out[row] = np.bincount(buckets, weights=terms, minlength=DIMENSIONS)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, norms, out=out, where=norms > 0)
        return out

    def _place(self, feature: str) -> tuple[int, float]:
        """Bucket and signed weight of a feature."""
        placed = self._placed.get(feature)
        if placed is None:
            hashed = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
            sign = 1.0 if hashed >> 63 else -1.0
            # An unseen feature counts as the rarest: a question about what the collection does not hold must stay far
            # from everything in it.
            idf = float(np.log1p(self._documents / max(self._frequency.get(feature, 1), 1)))
            pair = len(feature) == 2 and not feature.isascii() and not feature.startswith(CONCEPT_MARK)
            placed = self._placed[feature] = (
                hashed % DIMENSIONS,
                sign * idf**_IDF_POWER * (_PAIR_WEIGHT if pair else 1.0),
            )
        return placed
