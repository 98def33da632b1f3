"""Guards: what in the same sentence says that the matched words are not meant.

A guard is data (`guards:` of a policy file): endings right before the match (`不能`…), beginnings right after it
(`这种话不能说`…), or words anywhere in the sentence. Text without punctuation (ASR) has endless sentences, so a guard
looks at most `REACH` characters to either side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xiaobao.domain.rule import GuardPatterns
from xiaobao.rules.patterns import Lexicon, compile_pattern
from xiaobao.rules.text import sentence_bounds

REACH = 30
"""Characters; longer than any clause of ordinary speech in the dev corpus."""


class Guard:
    """One compiled guard."""

    def __init__(self, name: str, patterns: GuardPatterns, lexicon: Lexicon) -> None:
        self.name = name
        self._before = _joined(patterns.before, lexicon, "(?:{})$")
        self._after = _joined(patterns.after, lexicon, "(?:{})")
        self._sentence = _joined(patterns.sentence, lexicon, "(?:{})")

    def voids(self, text: str, start: int, end: int) -> bool:
        """Whether the match `[start, end)` of the folded turn `text` is not meant."""
        left, right = sentence_bounds(text, start, end)
        left, right = max(left, start - REACH), min(right, end + REACH)
        return bool(
            (self._before and self._before.search(text[left:start]))
            or (self._after and self._after.match(text[end:right]))
            or (self._sentence and self._sentence.search(text[left:right]))
        )


def _joined(sources: Iterable[str], lexicon: Lexicon, frame: str) -> re.Pattern[str] | None:
    parts = [compile_pattern(source, lexicon).expression for source in sources]
    return re.compile(frame.format("|".join(f"(?:{part})" for part in parts))) if parts else None


def compile_guards(guards: Mapping[str, GuardPatterns], lexicon: Lexicon) -> dict[str, Guard]:
    return {name: Guard(name, patterns, lexicon) for name, patterns in guards.items()}
