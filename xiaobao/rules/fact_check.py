"""Whether what an agent said contradicts a stated fact (a knowledge-base entry, a price list) of the call.

Two comparisons, both driven by the policy's data: opposite sides of an axis (`可减免` against `不可减免`), and another
amount for the same attribute (`T+5到账` against `明天到`). Both stay silent where the fact says nothing of the topic or
says both sides of it: a doubtful contradiction is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from xiaobao.domain import Speaker
from xiaobao.domain.rule import PARTIES
from xiaobao.rules.quantities import Quantity, quantities
from xiaobao.rules.text import fold
from xiaobao.rules.view import CallView, Hit

_CLAUSE = re.compile(r"[^，。；！？、：（）…“”\"]+")
_WORD = re.compile(r"[a-z]{2,}|[一-龥]")
_ASKS = re.compile(r"(?:吗|么|嘛|呢|吧)?？|(?:吗|么)$")
_DENIAL_REACH = 1
"""Characters around a denial that belong to it."""
_NO_SIDE = re.compile(r"(?!)")


class Axis(NamedTuple):
    """A question that can be answered yes or no, and how people say either."""

    name: str
    yes: re.Pattern[str]
    no: re.Pattern[str]
    fact_yes: re.Pattern[str]
    fact_no: re.Pattern[str]
    topic: str
    """What must link a saying to the fact: words of its `own` clause, of its `turn` or the question, or `any`thing."""
    undivided: bool
    """Speaks only if the whole fact takes one side."""
    unless: re.Pattern[str]
    """What in the agent's clause makes it no claim: a condition under which the answer is another."""


class Claim(NamedTuple):
    """One side of one axis, at `[start, end)` of a text, with the words that say what it is about."""

    axis: str
    yes: bool
    start: int
    end: int
    topic: frozenset[str]


class Contradiction(NamedTuple):
    hit: Hit
    note: str


class FactChecker:
    """The axes and attributes of one rule, compiled."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._axes = tuple(_axis(name, sides) for name, sides in params.get("axes", {}).items())
        self._attributes = {name: _any_of(words) for name, words in params.get("attributes", {}).items()}
        self._links = {axis.name: axis.topic for axis in self._axes}
        self._undivided = frozenset(axis.name for axis in self._axes if axis.undivided)
        self._kinds = {name: frozenset(kinds) for name, kinds in params.get("kinds", {}).items()}
        self._tolerance = float(params.get("tolerance", 0))
        self._understated_only = bool(params.get("understated_only", False))
        self._common = frozenset(params.get("common", ()))

    def contradictions(self, view: CallView, fact: str) -> Iterator[Contradiction]:
        """What the agent said against `fact` (folded), turn by turn."""
        stated = self._stated(fact)
        amounts, all_amounts = list(self._attributed(fact, "")), quantities(fact)
        for turn, speaker in enumerate(view.speakers):
            if speaker is not Speaker.AGENT or not view.texts[turn]:
                continue
            text, question = view.texts[turn], _question_before(view, turn)
            topic = self._topic(text) | self._topic(question)
            said = [
                claim._replace(start=clause.start() + claim.start, end=clause.start() + claim.end)
                for clause in _clauses(text)
                if not (_ASKS.match(text, clause.end()) or _ASKS.search(clause.group()))
                for claim in self._claims(clause.group(), in_fact=False)
            ]
            disclosed = any(_same_amount(a, b) for a in quantities(text) for b in all_amounts)
            for claim in said:
                about = [c for c in stated if c.axis == claim.axis and self._linked(c, claim, topic)]
                divided = any(c.axis == claim.axis and c.yes is not claim.yes for c in said)
                if self._understated_only and (claim.yes or disclosed):
                    continue
                if about and not divided and all(c.yes is not claim.yes for c in about):
                    yield Contradiction(Hit(turn, claim.start, claim.end), f"与事实“{fact[:60]}”相反")
            # Who says the fact's own amount explains it: other amounts of that kind beside it are examples.
            named = list(self._attributed(text, question))
            explained = {
                name
                for name, said in named
                if len(known := [a for stated, a in amounts if stated == name and _comparable(a, said)]) == 1
                and known[0].value == said.value
            }
            for attribute, amount in named:
                if attribute in explained:
                    continue
                if any(abs(a.value - amount.value) <= self._tolerance * a.value + 1e-6 for a in all_amounts):
                    continue
                same = [a for name, a in amounts if name == attribute and _comparable(a, amount)]
                if self._understated_only and not all(amount.value < a.value for a in same):
                    continue
                if same:
                    known = "、".join(f"{a.value:g}" for a in same)
                    yield Contradiction(
                        Hit(turn, amount.start, amount.end), f"{attribute}：事实为 {known}，说成 {amount.value:g}"
                    )

    def _stated(self, fact: str) -> list[Claim]:
        """What the fact says; its subject, if it opens with one and a colon, belongs to every clause."""
        subject = self._topic(fact.partition("：")[0]) if "：" in fact[:16] else frozenset()
        claims = [
            claim._replace(topic=claim.topic | subject)
            for clause in _clauses(fact)
            for claim in self._claims(clause.group(), in_fact=True)
        ]
        divided = {axis for axis in self._undivided if len({c.yes for c in claims if c.axis == axis}) > 1}
        return [claim for claim in claims if claim.axis not in divided]

    def _linked(self, stated: Claim, said: Claim, topic: frozenset[str]) -> bool:
        link = self._links[stated.axis]
        return link == "any" or bool(stated.topic & (said.topic if link == "own" else topic))

    def _claims(self, clause: str, *, in_fact: bool) -> Iterator[Claim]:
        """Sides taken by a clause; a denial holds the words of the assertion, which then does not count."""
        for axis in self._axes:
            if not in_fact and axis.unless.search(clause):
                continue
            denials = [m.span() for m in (axis.fact_no if in_fact else axis.no).finditer(clause)]
            assertions = [
                m.span()
                for m in (axis.fact_yes if in_fact else axis.yes).finditer(clause)
                if not any(
                    start - _DENIAL_REACH <= m.end() and m.start() <= end + _DENIAL_REACH for start, end in denials
                )
            ]
            for yes, spans in ((False, denials), (True, assertions)):
                for start, end in spans:
                    about = clause[:start] + "，" + clause[end:] if in_fact else clause
                    yield Claim(axis.name, yes, start, end, self._topic(about))

    def _topic(self, text: str) -> frozenset[str]:
        """Pairs of neighbouring characters (and Latin words) that are not common to all talk."""
        words: set[str] = set()
        previous: re.Match[str] | None = None
        for match in _WORD.finditer(text):
            if len(match.group()) > 1:
                words.add(match.group())
            elif previous is not None and previous.end() == match.start() and len(previous.group()) == 1:
                words.add(previous.group() + match.group())
            previous = match
        return frozenset(words) - self._common

    def _attributed(self, text: str, question: str) -> Iterator[tuple[str, Quantity]]:
        """Amounts with the attribute named nearest before them in the clause, else after, else asked for."""
        for clause in _clauses(text):
            for amount in quantities(clause.group()):
                name = self._attribute(clause.group(), amount) or self._asked(question)
                if name is not None and amount.kind in self._kinds.get(name, (amount.kind,)):
                    yield name, amount._replace(start=clause.start() + amount.start, end=clause.start() + amount.end)

    def _attribute(self, clause: str, amount: Quantity) -> str | None:
        best: tuple[int, str] | None = None
        for name, pattern in self._attributes.items():
            for match in pattern.finditer(clause):
                gap = amount.start - match.end() if match.end() <= amount.start else 20 + match.start() - amount.end
                if gap >= 0 and (best is None or gap < best[0]):
                    best = (gap, name)
        return best[1] if best else None

    def _asked(self, question: str) -> str | None:
        """The attribute named last in the question."""
        named = [(m.end(), name) for name, pattern in self._attributes.items() for m in pattern.finditer(question)]
        return max(named)[1] if named else None


def _same_amount(a: Quantity, b: Quantity) -> bool:
    return a.kind == b.kind and a.kind in ("money", "percent") and abs(a.value - b.value) < 1e-6


def _comparable(stated: Quantity, said: Quantity) -> bool:
    """The same dimension; a number said without a unit takes that of the fact where it can hardly be anything else."""
    if said.kind == "bare":
        return said.end - said.start > 1 and stated.kind in ("money", "percent")
    return stated.kind == said.kind


def _axis(name: str, sides: Mapping[str, Any]) -> Axis:
    yes, no = _any_of(sides.get("yes", ())), _any_of(sides.get("no", ()))
    fact_yes = _any_of(sides["fact_yes"]) if "fact_yes" in sides else yes
    fact_no = _any_of(sides["fact_no"]) if "fact_no" in sides else no
    topic, undivided = sides.get("topic", "turn"), bool(sides.get("undivided", False))
    return Axis(name, yes, no, fact_yes, fact_no, topic, undivided, _any_of(sides.get("unless", ())))


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else _NO_SIDE


def _clauses(text: str) -> Iterator[re.Match[str]]:
    return _CLAUSE.finditer(text)


def _question_before(view: CallView, turn: int) -> str:
    """What the callee said last before `turn`, at most two turns back."""
    callee = PARTIES["callee"]
    for earlier in range(turn - 1, max(-1, turn - 3), -1):
        if view.speakers[earlier] in callee:
            return view.texts[earlier]
    return ""


@lru_cache(maxsize=64)
def checker(params: bytes) -> FactChecker:
    """The checker for the JSON of a rule's parameters."""
    return FactChecker(orjson.loads(params))


def find_contradictions(view: CallView, params: Mapping[str, Any]) -> list[Contradiction] | None:
    """Contradictions of the facts at `params["facts"]`; None where the call states none of them."""
    facts = [fold(_as_text(value)) for path in params["facts"] if (value := view.fact(path)) is not None]
    if not facts:
        return None
    compiled = checker(orjson.dumps(params, option=orjson.OPT_SORT_KEYS))
    return [found for fact in facts for found in compiled.contradictions(view, fact)]


def _as_text(value: Any) -> str:
    """A fact as one text; the fields of a mapping become clauses."""
    if isinstance(value, Mapping):
        return "；".join(f"{key}{_as_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "；".join(_as_text(inner) for inner in value)
    return str(value)
