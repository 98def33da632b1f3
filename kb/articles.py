"""Numbered articles of a Chinese legal text: labels ↔ numbers, and splitting an official text into articles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Unit = Literal["article", "section"]

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_NUMBER = r"[零〇一二两三四五六七八九十百千]+|\d+"
_ARTICLE = re.compile(rf"^[#\s　*]*第\s*({_NUMBER})\s*条(?:之({_NUMBER}))?\**")
_SECTION = re.compile(rf"^[#\s　*]*({_NUMBER})、")
_DIVISION = re.compile(rf"^[#\s　]*第\s*(?:{_NUMBER})\s*[编章节][\s　]*\S{{0,40}}$")
_MAX_GAP = 1
"""How far a number may jump when its label touches the text: 第三条规定… in a wrapped line is no article."""


def number_of(text: str) -> int:
    """`二百九十三` → 293, `17` → 17. Raises ValueError for anything else."""
    if text.isdigit():
        return int(text)
    total, digit = 0, 0
    for char in text:
        if char in _UNITS:
            total += (digit or 1) * _UNITS[char]
            digit = 0
        elif char in _DIGITS:
            digit = _DIGITS[char]
        else:
            raise ValueError(f"not a Chinese numeral: {text!r}")
    return total + digit


def numeral(value: int) -> str:
    """293 → `二百九十三`, 12 → `十二`. `value` is 1 to 9999."""
    if not 0 < value < 10_000:
        raise ValueError(f"out of range: {value!r}")
    out, pending_zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit:
            out += ("零" if pending_zero else "") + "零一二三四五六七八九"[digit] + name
            pending_zero = False
        elif out:
            pending_zero = True
    return out[1:] if out.startswith("一十") else out


def label_of(article: str, unit: Unit) -> str:
    """Article number of a clause id as printed: `293-1` → 第二百九十三条之一; a section `3` → 第三节."""
    main, _, sub = article.partition("-")
    if unit == "section":
        return f"第{numeral(int(main))}节"
    return f"第{numeral(int(main))}条" + (f"之{numeral(int(sub))}" if sub else "")


@dataclass(frozen=True, slots=True)
class Article:
    """One article of an imported text. `number` as in a clause id; `heading` is its division (章/节) or empty."""

    number: str
    heading: str
    text: str


def split_articles(lines: Iterable[str], unit: Unit) -> tuple[Article, ...]:
    """Split a text, one paragraph a line, into its articles; what precedes the first article is left out.

    A number that goes back or repeats is not an article but part of the running one (a decree before the regulation
    has its own 一、二、三; an annex may start again at 一、).
    """
    found: list[tuple[str, str, list[str]]] = []
    heading, last = "", (0, 0)
    for raw in lines:
        line = raw.strip()
        if not line:
            continue
        if unit == "article" and _DIVISION.match(line):
            heading = line.lstrip("# 　")
            continue
        match = (_ARTICLE if unit == "article" else _SECTION).match(line)
        key = _next_key(match, line, last, unit) if match else None
        if match and key:
            last = key
            number = f"{key[0]}-{key[1]}" if key[1] else str(key[0])
            rest = line[match.end() :].strip(" 　*")
            found.append((number, heading, [rest] if rest else []))
        elif found:
            found[-1][2].append(line.lstrip("#* 　") if line.startswith("#") else line)
    return tuple(Article(number, head, "\n".join(body)) for number, head, body in found if body)


def _next_key(match: re.Match[str], line: str, last: tuple[int, int], unit: Unit) -> tuple[int, int] | None:
    main = number_of(match.group(1))
    sub = number_of(match.group(2)) if unit == "article" and match.group(2) else 0
    key = (main, sub)
    if key <= last:
        return None
    if unit == "section":
        return key if main == last[0] + 1 or not last[0] else None
    spaced = (
        line[match.end() : match.end() + 1] in ("", " ", "　", "：", ":", "【", "\t") or line[match.end() - 1] == "*"
    )
    near = main - last[0] <= _MAX_GAP
    return key if spaced or near else None


def starts_article(line: str) -> bool:
    """Whether a line begins with an article label (第X条)."""
    return bool(_ARTICLE.match(line))
