"""Pattern text → two machines: an exact regular expression, and a Hyperscan filter that never misses it.

All filters of a rule set run in one Hyperscan pass over the UTF-8 bytes of a call; only patterns that the pass names are
confirmed, on the turns it names, by the exact expression. The filter may name too much (look-arounds are dropped, `.` is
one to four bytes); it can not name too little, because every step of the translation only widens the language.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

# The parser of the standard library, used to read a pattern; its tree is what `re` itself compiles.
from re import _constants as rc  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as rp  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

from xiaobao.errors import PolicyError
from xiaobao.rules.text import SENTENCE_ENDS, fold

MAX_GAP = 60
"""Longest bounded repeat; a longer gap links words that have nothing to do with each other."""
MAX_FILTER = 1200
"""Characters of one filter (four to a byte). Above about twice this Hyperscan refused word class × gap × word class."""
_GAP = f"[^{SENTENCE_ENDS}\n]"
_ANY_BYTES = r"[^\n]{1,4}"
_CLASS_REF = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_SMALL_CLASS = 9
"""Bytes of a class that may still be repeated exactly: three Chinese characters."""
_ZERO_WIDTH = (rc.ASSERT, rc.ASSERT_NOT, rc.AT)


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
    filters: tuple[bytes, ...]
    """For Hyperscan: every one of them is found in a turn that holds the pattern."""

    @cached_property
    def exact(self) -> re.Pattern[str]:
        return re.compile(self.expression)


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
    if exact.match(""):
        raise PolicyError(f"表达式能匹配空文本：{source!r}")
    return Pattern(source=source, expression=expression, filters=_filters(tree, source))


def _filters(tree: Any, source: str) -> tuple[bytes, ...]:
    """One filter, or one for each side of the gaps where a single automaton would grow too large to compile."""
    whole = _widen(tree, source)
    parts = [whole]
    if len(whole) > MAX_FILTER:
        pieces: list[list[Any]] = [[]]
        for op, arg in tree:
            if op in (rc.MAX_REPEAT, rc.MIN_REPEAT) and len(arg[2]) == 1 and arg[2][0][0] in (rc.IN, rc.ANY):
                pieces.append([])
            else:
                pieces[-1].append((op, arg))
        required = [piece for piece in pieces if piece and _min_chars(piece) >= 1]
        telling = [piece for piece in required if _min_chars(piece) >= 2] or required
        parts = [_widen(piece, source) for piece in telling] or parts
    return tuple(dict.fromkeys(part.encode("utf-8", "surrogateescape") for part in parts))


def _min_chars(tree: Any) -> int:
    """Fewest characters that this part can match."""
    total = 0
    for op, arg in tree:
        if op is rc.SUBPATTERN:
            total += _min_chars(arg[3])
        elif op is rc.BRANCH:
            total += min(_min_chars(branch) for branch in arg[1])
        elif op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT):
            total += arg[0] * _min_chars(arg[2])
        elif op not in _ZERO_WIDTH:
            total += 1
    return total


def _widen(tree: Any, source: str) -> str:
    return "".join(_widen_node(op, arg, source) for op, arg in tree)


def _widen_node(op: Any, arg: Any, source: str) -> str:
    if op is rc.LITERAL:
        return _bytes_of(chr(arg))
    if op is rc.NOT_LITERAL or op is rc.ANY:
        return _ANY_BYTES
    if op is rc.IN:
        return _widen_class(arg)
    if op is rc.BRANCH:
        return "(?:" + "|".join(_widen(branch, source) for branch in arg[1]) + ")"
    if op is rc.SUBPATTERN:
        return "(?:" + _widen(arg[3], source) + ")"
    if op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT):
        low, high, inner = arg
        if high is rc.MAXREPEAT or high > MAX_GAP:
            raise PolicyError(f"重复次数无上限或超过 {MAX_GAP}：{source!r}")
        if len(inner) == 1 and inner[0][0] in (rc.ANY, rc.NOT_LITERAL) or _is_negated_class(inner):
            return rf"[^\n]{{{low},{high * 4}}}"
        if high > 1 and len(inner) == 1 and inner[0][0] is rc.IN:
            return f"(?:{_widen_repeated_class(inner[0][1])}){{{low},{high}}}"
        return f"(?:{_widen(inner, source)}){{{low},{high}}}"
    if op in _ZERO_WIDTH:
        return ""
    raise PolicyError(f"表达式用了不支持的写法 {op}：{source!r}")


def _is_negated_class(inner: Any) -> bool:
    return len(inner) == 1 and inner[0][0] is rc.IN and inner[0][1][0][0] is rc.NEGATE


def _widen_class(items: Any) -> str:
    if items[0][0] is rc.NEGATE:
        return _ANY_BYTES
    parts: list[str] = []
    for op, arg in items:
        if op is rc.LITERAL:
            parts.append(_bytes_of(chr(arg)))
        elif op is rc.RANGE and arg[1] < 128:
            parts.append(f"[\\x{arg[0]:02x}-\\x{arg[1]:02x}]")
        elif op is rc.CATEGORY and arg is rc.CATEGORY_DIGIT:
            parts.append("[0-9]")
        else:
            return _ANY_BYTES
    return "(?:" + "|".join(parts) + ")"


def _widen_repeated_class(items: Any) -> str:
    """A repeated class as "a digit or letter, or any three-byte character": spelt out, its automaton would be too large."""
    exact = _widen_class(items)
    return exact if exact.count("\\x") <= _SMALL_CLASS else r"(?:[\x20-\x7e]|[\xe0-\xef][\x80-\xbf][\x80-\xbf])"


def _bytes_of(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def digest(patterns: Sequence[Pattern]) -> str:
    """sha256 over the filters in their order; names the compiled database."""
    total = hashlib.sha256()
    for pattern in patterns:
        total.update(b"\t".join(pattern.filters))
        total.update(b"\n")
    return total.hexdigest()
