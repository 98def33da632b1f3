"""A policy rule as data: when it speaks, what it looks for, what proves it and what must follow.

The condition language is the vocabulary of `docs/rules.md`. Everything is closed (`extra="forbid"`), so a misspelt
operator is an error at load time and never a rule that silently says nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from xiaobao.domain.base import Frozen
from xiaobao.domain.taxonomy import Severity
from xiaobao.domain.transcript import Business, Channel, Direction, Speaker

Party = Literal["agent", "customer", "other", "system", "callee", "institution", "anyone"]
"""`callee` = customer or other; `institution` = agent or system."""
GuardName = Literal["negation", "quotation", "hypothesis", "warning", "question", "conditional_offer"]
DEFAULT_GUARDS: tuple[GuardName, ...] = ("negation", "quotation", "hypothesis", "warning")

PARTIES: dict[str, frozenset[Speaker]] = {
    "agent": frozenset({Speaker.AGENT}),
    "customer": frozenset({Speaker.CUSTOMER}),
    "other": frozenset({Speaker.OTHER}),
    "system": frozenset({Speaker.SYSTEM}),
    "callee": frozenset({Speaker.CUSTOMER, Speaker.OTHER}),
    "institution": frozenset({Speaker.AGENT, Speaker.SYSTEM}),
    "anyone": frozenset(Speaker),
}


class Window(Frozen):
    """Where in the call a turn may stand; the fields that are set must all hold."""

    first_turns: int | None = Field(default=None, ge=1)
    """Among the first n turns of the parties asked for."""
    last_turns: int | None = Field(default=None, ge=1)
    """Among the last n turns of the parties asked for."""
    first_s: float | None = Field(default=None, gt=0)
    """Starts within the first n seconds; unknown times do not match."""
    last_s: float | None = Field(default=None, gt=0)


class Say(Frozen):
    """Somebody of `by` says one of the patterns."""

    say: tuple[str, ...] = Field(min_length=1)
    """Patterns: literal text, `(a|b)`, `[ab]`, `?`, `{m,n}`, look-arounds, `.` (never crosses a sentence end) and
    `{word_class}` of the lexicon. Unbounded repeats are refused, so a match is linear in the length of the turn."""
    by: Party | None = None
    """None: the party the rule binds."""
    unless: tuple[str, ...] = ()
    """Any of these in the same sentence voids the match."""
    unless_turn: tuple[str, ...] = ()
    """Any of these anywhere in the same turn voids the match."""
    guards: tuple[GuardName, ...] | None = None
    """None: the rule's guards."""
    window: Window | None = None
    at_least: int = Field(default=1, ge=1)
    """Number of different turns that must match (repeat detection)."""


class Near(Frozen):
    """In one turn, something of every group stands within `chars` characters of the others."""

    near: tuple[tuple[str, ...], ...] = Field(min_length=2)
    chars: int = Field(default=12, ge=0, le=200)
    ordered: bool = False
    by: Party | None = None
    unless: tuple[str, ...] = ()
    unless_turn: tuple[str, ...] = ()
    guards: tuple[GuardName, ...] | None = None
    window: Window | None = None


class Act(Frozen):
    """A named speech act of the policy pack (`acts:`), e.g. `greeting`."""

    act: str
    window: Window | None = None
    at_least: int = Field(default=1, ge=1)


class AnyOf(Frozen):
    any: tuple[Condition, ...] = Field(min_length=1)


class AllOf(Frozen):
    """All members hold; with `within_turns`, on turns at most that far apart (0: in the same turn)."""

    all: tuple[Condition, ...] = Field(min_length=1)
    within_turns: int | None = Field(default=None, ge=0)


class NoneOf(Frozen):
    """No member holds. Proves nothing by itself: it has no evidence."""

    none_of: tuple[Condition, ...] = Field(min_length=1)


class NOf(Frozen):
    n_of: int = Field(ge=1)
    conditions: tuple[Condition, ...] = Field(min_length=1)


class Sequence(Frozen):
    """`then` follows `first` by 1 … `within_turns` turns (0 allows the same turn, later in it)."""

    first: Condition
    then: Condition
    within_turns: int = Field(default=3, ge=0)
    same_turn: bool = False
    evidence: Literal["first", "then", "both"] = "then"


class Without(Frozen):
    """Occurrences of `find` that have no `without` before or after them within `within_turns` turns."""

    find: Condition
    without: Condition
    side: Literal["before", "after", "either"] = "before"
    within_turns: int | None = Field(default=None, ge=0)
    """None: to the start (before) or the end (after) of the call; 0: the same turn."""


class Fact(Frozen):
    """A fact of the call's metadata. Absent facts are unknown: neither true nor false."""

    fact: str
    """Dotted path: `context.contacts_today`, `customer.risk_level`, `channel`, `started_at` …"""
    eq: Any = None
    ne: Any = None
    in_: tuple[Any, ...] | None = Field(default=None, alias="in")
    not_in: tuple[Any, ...] | None = None
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    truthy: bool | None = None
    exists: bool | None = None
    matches: str | None = None
    """Pattern of `Say` on the text of the fact."""


class Compute(Frozen):
    """A named calculation of `xiaobao.rules.arithmetic`; a model never does arithmetic."""

    compute: str
    params: dict[str, Any] = Field(default_factory=dict)


Condition = Annotated[
    Say | Near | Act | AnyOf | AllOf | NoneOf | NOf | Sequence | Without | Fact | Compute,
    Field(union_mode="left_to_right"),
]
for _model in (AnyOf, AllOf, NoneOf, NOf, Sequence, Without):
    _model.model_rebuild()


class Omission(Frozen):
    """Something that had to be said and was not."""

    required: Condition
    """What would have fulfilled the duty."""
    due: Condition | None = None
    """What makes it due; None: every call the rule applies to. Its absence makes the rule not applicable."""
    before_due: bool = True
    """True: it had to come before the first due turn (the same turn counts when it stands earlier in it)."""
    place: str
    """Where it was due, in Chinese, for the reader."""
    searched_for: str
    """What was looked for, in Chinese."""


class FlowStepRule(Frozen):
    step: str
    zh: str
    done: Condition
    required: bool = True
    after: tuple[str, ...] = ()
    """Steps that must come first."""


class Flow(Frozen):
    """Steps of a process with their order; `interrupt` ends the duty to go on."""

    steps: tuple[FlowStepRule, ...] = Field(min_length=2)
    interrupt: Condition | None = None
    """Holds → steps not yet done are `not_required`; the order of those done is still judged."""


class Examples(Frozen):
    """Invented sentences or small dialogues (`客服：…` / `客户：…` lines) that prove the rule's reach."""

    fires: tuple[str | ExampleCall, ...] = ()
    silent: tuple[str | ExampleCall, ...] = ()


class ExampleCall(Frozen):
    """An example that needs metadata or several turns."""

    turns: tuple[str, ...] = Field(min_length=1)
    """`客服：…`, `客户：…`, `第三人：…`, `系统：…`."""
    context: dict[str, Any] = Field(default_factory=dict)
    customer: dict[str, Any] = Field(default_factory=dict)
    channel: Channel | None = None
    business: Business | None = None
    direction: Direction | None = None
    started_at: str | None = None


Examples.model_rebuild()


class Rule(Frozen):
    """One rule of a policy pack: one of `category` and `signal`, and one of `detect`, `omission` and `flow`."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_-]+)+$")
    category: str | None = None
    signal: str | None = None
    title: str
    status: Literal["draft", "active", "retired"] = "active"
    binds: Party = "agent"
    """Whose words the rule judges."""
    business: tuple[Business, ...] = ()
    """Empty: all."""
    not_business: tuple[Business, ...] = ()
    channel: tuple[Channel, ...] = ()
    direction: tuple[Direction, ...] = ()
    applies: Condition | None = None
    """When the rule speaks at all; false or unknown → not applicable."""
    severity: Severity | None = None
    """None: the category's."""
    cites: tuple[str, ...] = ()
    """Clause ids, the most direct first; those in force on the day of the call are shown."""
    criterion: str
    """What counts and what does not, for a person and for a model, in plain Chinese."""
    detect: Condition | None = None
    omission: Omission | None = None
    flow: Flow | None = None
    guards: tuple[GuardName, ...] = DEFAULT_GUARDS
    verdict: Literal["decisive", "candidate"] = "decisive"
    """`candidate`: tuned for recall; without a model to verify it the outcome is undetermined."""
    remedy: tuple[str, ...] = ()
    right_wording: str = ""
    examples: Examples = Examples()
    known_false_positives: tuple[str, ...] = ()
    effective: date = date(2020, 1, 1)
    expires: date | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Rule:
        if (self.category is None) == (self.signal is None):
            raise ValueError("category 与 signal 必须且只能写一个")
        if sum(part is not None for part in (self.detect, self.omission, self.flow)) != 1:
            raise ValueError("detect、omission、flow 必须且只能写一个")
        return self


class Place(Frozen):
    """Calls of some businesses, channels and directions; an empty list means all."""

    business: tuple[Business, ...] = ()
    channel: tuple[Channel, ...] = ()
    direction: tuple[Direction, ...] = ()

    def holds(self, business: Business, channel: Channel, direction: Direction) -> bool:
        return (
            (not self.business or business in self.business)
            and (not self.channel or channel in self.channel)
            and (not self.direction or direction in self.direction)
        )


class CategoryScope(Frozen):
    """Where the conventions say that a category never counts, whatever its rules look for."""

    except_in: tuple[Place, ...] = ()
    why: str


class PolicyPack(Frozen):
    """Everything the engine needs, from one or more policy files."""

    lexicon: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Word class → words or small patterns; a class may use other classes."""
    acts: dict[str, Condition] = Field(default_factory=dict)
    guards: dict[str, GuardPatterns] = Field(default_factory=dict)
    scopes: dict[str, CategoryScope] = Field(default_factory=dict)
    """Category → where it never counts."""
    rules: tuple[Rule, ...] = ()


class GuardPatterns(Frozen):
    """What around a match says that it is not meant. Searched only within the sentence of the match."""

    before: tuple[str, ...] = ()
    """Ends right before the match."""
    after: tuple[str, ...] = ()
    """Begins right after the match."""
    sentence: tuple[str, ...] = ()
    """Anywhere in the sentence."""


PolicyPack.model_rebuild()
