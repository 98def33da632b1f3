"""Text → search features: characters, character pairs, Latin words, and concepts of the synonym table.

Chinese has no spaces, and a segmenter is a dictionary that ages; characters and pairs need none and degrade gently on
dialect, typing and speech-recognition errors. Concepts bridge what characters cannot: 取现 and 提现 share half a pair.
"""

from __future__ import annotations

import re
from itertools import pairwise

from kb.normalize import fold
from kb.synonyms import load_synonyms

TOKENIZER_ID = "char-1-2-concept/1"
"""Changes whenever the same text gives other features."""
CONCEPT_MARK = "§"
"""First character of a concept feature; `fold` never leaves it in a text feature (not a word character)."""

_RUNS = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")


def features(text: str) -> list[str]:
    """Features in order of appearance, repeats kept (they are term frequency); concepts once each, at the end."""
    synonyms = load_synonyms()
    folded = fold(text)
    # A saying may be part of a dropped phrase or span spaces, so concepts are sought before anything is removed.
    concepts = synonyms.find(folded)
    for phrase in synonyms.drop:
        if phrase in folded:
            folded = folded.replace(phrase, " ")
    out: list[str] = []
    for run in _RUNS.findall(folded):
        if run.isascii():
            out.append(run)
            continue
        out.extend(run)
        out.extend(map("".join, pairwise(run)))
    out.extend(CONCEPT_MARK + name for name in concepts)
    return out


def tokenizer_fingerprint() -> str:
    """Identity of everything `features` depends on."""
    return f"{TOKENIZER_ID}:{load_synonyms().fingerprint}"
