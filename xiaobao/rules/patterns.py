"""Pattern text → an exact regular expression, and the words a turn must hold before it is worth reading.

The words of all patterns of a rule set are found in one pass over a call; the expression itself runs only on
the turns that hold them. Repeats are bounded, so each such run is linear in the length of the turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

# The parser of the standard library, used to read a pattern; its tree is what `re` itself compiles.
from re import _constants as rc  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as rp  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

from xiaobao.errors import PolicyError
from xiaobao.rules.factors import Words, required_words
from xiaobao.rules.text import SENTENCE_ENDS, fold

MAX_GAP = 60
"""Longest bounded repeat; a longer gap links words that have nothing to do with each other."""
MAX_NESTED = 32
"""Largest product of repeats inside repeats: `(保{1,60}){1,60}` tries ten times as many ways for every four more
characters (1.6 s on 24 of them)."""
_GAP = f"[^{SENTENCE_ENDS}\n]"
_CLASS_REF = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Lexicon:
    """Word classes that patterns refer to as `{name}`; classes may use other classes."""

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self._classes = classes
        self._expanded: dict[str, str] = {}

    def expand(self, pattern: str, _open: tuple[str, ...] = ()) -> str:
        """`pattern` with every class written out, `.` bound to the sentence, and the text folded as turns are.

        Raises:
            PolicyError: an unknown or circular class.
        """

        def written_out(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in _open:
                raise PolicyError(f"词类 {name!r} 引用了自身")
            if name not in self._classes:
                raise PolicyError(f"未知词类 {name!r}")
            if name not in self._expanded:
                words = sorted(self._classes[name], key=len, reverse=True)
                self._expanded[name] = "(?:" + "|".join(self.expand(w, (*_open, name)) for w in words) + ")"
            return self._expanded[name]

        return _CLASS_REF.sub(written_out, pattern) if _open else _fold_pattern(_CLASS_REF.sub(written_out, pattern))


def _fold_pattern(pattern: str) -> str:
    """Fold the literal text of a pattern and bind `.`, leaving the pattern language itself alone."""
    out: list[str] = []
    in_class = False
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "\\" and i + 1 < len(pattern):
            out.append(pattern[i : i + 2])
            i += 2
            continue
        if char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif char == "." and not in_class:
            out.append(_GAP)
            i += 1
            continue
        out.append(char if char.isascii() and not char.isalpha() else fold(char))
        i += 1
    return "".join(out)


@dataclass(frozen=True)
class Pattern:
    """One pattern in both forms."""

    source: str
    """As written in the policy file."""
    expression: str
    """For `re`."""

    @cached_property
    def exact(self) -> re.Pattern[str]:
        """Compiled when first needed: most patterns are never read in most runs."""
        return re.compile(self.expression)

    @cached_property
    def needs(self) -> tuple[Words, ...]:
        """Word sets; a turn that holds the pattern holds a word of each. Empty: every turn must be read."""
        return required_words(rp.parse(self.expression))


def alternatives(expression: str) -> list[str]:
    """Split `a|b`, `(a|b)` and `(?:a|b)` at the top, and their parts again; anything else is one alternative."""
    parts = _split(expression)
    if len(parts) == 1:
        inner = re.fullmatch(r"\((?:\?:)?((?!\?).*)\)", expression, re.DOTALL)
        if inner is None or _closes_early(expression):
            return parts
        parts = _split(inner.group(1))
        if len(parts) == 1:
            return [expression]
    return list(dict.fromkeys(piece for part in parts for piece in alternatives(part)))


def _split(expression: str) -> list[str]:
    """At every `|` outside groups and classes."""
    parts, start = [], 0
    for i, char, depth in _walk(expression):
        if char == "|" and depth == 0:
            parts.append(expression[start:i])
            start = i + 1
    return [*parts, expression[start:]]


def _closes_early(expression: str) -> bool:
    """Whether the group that opens the expression ends before its last character."""
    return any(char == ")" and depth == 0 and i < len(expression) - 1 for i, char, depth in _walk(expression))


def _walk(expression: str) -> Iterator[tuple[int, str, int]]:
    """(index, character, group depth after it) of the pattern language's own characters."""
    depth, in_class, i = 0, False, 0
    while i < len(expression):
        char = expression[i]
        if char == "\\":
            i += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()|":
            depth += (char == "(") - (char == ")")
            yield i, char, depth
        i += 1


def compile_pattern(source: str, lexicon: Lexicon) -> Pattern:
    """Translate one pattern.

    Raises:
        PolicyError: it does not parse, repeats without bound, or can match the empty text.
    """
    expression = lexicon.expand(source)
    try:
        tree = rp.parse(expression)
        exact = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as exc:
        raise PolicyError(f"表达式无法解析：{source!r}（{exc}）") from exc
    _check_bounded(tree, source)
    if exact.match(""):
        raise PolicyError(f"表达式能匹配空文本：{source!r}")
    return Pattern(source=source, expression=expression)


def _check_bounded(tree: Any, source: str, outer: int = 1) -> None:
    """Refuse what could make a match more than linear, or link words that have nothing to do with each other.

    Args:
        outer: how often the part around `tree` may repeat.
    """
    for op, arg in tree:
        if op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT):
            if arg[1] is rc.MAXREPEAT or arg[1] > MAX_GAP:
                raise PolicyError(f"重复次数无上限或超过 {MAX_GAP}：{source!r}")
            if outer > 1 < arg[1] and outer * arg[1] > MAX_NESTED:
                raise PolicyError(f"重复之中又重复，次数之积超过 {MAX_NESTED}：{source!r}")
            _check_bounded(arg[2], source, outer * max(1, arg[1]))
        elif op is rc.SUBPATTERN:
            _check_bounded(arg[3], source, outer)
        elif op is rc.BRANCH:
            for branch in arg[1]:
                _check_bounded(branch, source, outer)
        elif op in (rc.ASSERT, rc.ASSERT_NOT):
            _check_bounded(arg[1], source, outer)
        elif op is rc.ATOMIC_GROUP:
            _check_bounded(arg, source, outer)
        elif op in (rc.GROUPREF, rc.GROUPREF_EXISTS):
            raise PolicyError(f"不支持反向引用：{source!r}")
