"""The synonym table (`kb/data/synonyms.yaml`): which sayings are one concept for search."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from kb.normalize import fold
from xiaobao.errors import PolicyError

_FILE = "synonyms.yaml"


@dataclass(frozen=True)
class Synonyms:
    """Concepts by saying. Sayings are folded (`normalize.fold`)."""

    concepts: Mapping[str, tuple[str, ...]]
    drop: tuple[str, ...]
    """Politeness that carries no topic, longest first."""
    fingerprint: str
    """sha256 of the file: a changed table means other features, so the indexes are rebuilt."""
    reach: Mapping[str, int]
    """Length of the longest saying by its first character: most characters start none."""

    def find(self, text: str) -> tuple[str, ...]:
        """Concepts named in a folded text, each once, in order; at every position the longest saying counts."""
        found: dict[str, None] = {}
        for start, char in enumerate(text):
            for end in range(min(len(text), start + self.reach.get(char, 0)), start, -1):
                names = self.concepts.get(text[start:end])
                if names:
                    found.update(dict.fromkeys(names))
                    break
        return tuple(found)


@cache
def load_synonyms() -> Synonyms:
    """Read the shipped table.

    Raises:
        PolicyError: the file is not a mapping of lists of strings.
    """
    raw = (files("kb") / "data" / _FILE).read_bytes()
    table = yaml.load(raw, yaml.CSafeLoader)
    concepts: dict[str, list[str]] = {}
    for name, sayings in table["concepts"].items():
        for saying in sayings:
            if not isinstance(saying, str):
                raise PolicyError(f"{_FILE}：{name!r} 含非文字项 {saying!r}（数字须加引号）")
            names = concepts.setdefault(fold(saying), [])
            if name not in names:
                names.append(name)
    reach: dict[str, int] = {}
    for saying in concepts:
        reach[saying[0]] = max(reach.get(saying[0], 0), len(saying))
    return Synonyms(
        concepts={saying: tuple(names) for saying, names in concepts.items()},
        drop=tuple(sorted((fold(word) for word in table["drop"]), key=len, reverse=True)),
        fingerprint=hashlib.sha256(raw).hexdigest(),
        reach=reach,
    )
