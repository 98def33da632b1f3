"""Ask a chat model whether one rule was broken in one window of a call, and accept only a well-formed answer.

The answer is a claim, not a verdict: the caller checks that the quote stands in the raw turn, that the speaker is the
one the rule binds and that the clause was in force. What this module guarantees is the form, and that any other answer
surfaces as an error that ends as `undetermined`.
"""

from __future__ import annotations

import json
import secrets
import time
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.prompt import load_prompt
from xiaobao.domain import Outcome, Usage
from xiaobao.domain.base import Frozen
from xiaobao.errors import ModelOutputError, ModelTimeoutError
from xiaobao.llm import ChatModel, Completion
from xiaobao.llm.sanitize import Sanitised, neutralise

PROMPT = load_prompt("judge.zh")
MAX_TURNS = 8
"""Turns one answer may name; evidence that needs more is a pattern for a person."""
MAX_CHARS = 200
"""Bound of `quote` and `reason`: unbounded strings let a small model ramble until its token limit."""
MIN_QUOTE_CHARS = 4
"""White space aside; a shorter one proves nothing, unless it is the whole turn."""
MAX_TOKENS = 1024
"""Two strings of `MAX_CHARS` Chinese characters at two tokens each (the worst common vocabulary), plus the rest."""
MAX_REPLY_CHARS = 6000
"""The longest valid reply, every character written as an escaped surrogate pair (12 characters), stays below this."""
ATTEMPTS = 2
"""The first answer and one repair."""

_SPEAKER_ZH = {"agent": "坐席", "customer": "客户", "other": "其他人", "system": "系统"}


@dataclass(frozen=True, slots=True)
class WindowTurn:
    """One turn of the window, masked."""

    index: int
    """0-based index in the call."""
    speaker: str
    """`Speaker` value."""
    text: str


@dataclass(frozen=True, slots=True)
class ClauseText:
    """A clause in force on the day of the call."""

    clause_id: str
    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class VerifyCase:
    """Everything the judge may see; blind to earlier verdicts, names and scores on purpose."""

    call_id: str
    """For error messages only; never shown to the model."""
    rule_id: str
    rule_title: str
    criterion: str
    category: str
    """In Chinese."""
    turns: tuple[WindowTurn, ...]
    candidates: tuple[int, ...] = ()
    """0-based turns that screening points at."""
    clauses: tuple[ClauseText, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """Facts of the call by Chinese name; what is unknown is left out."""


class VerifyReply(Frozen):
    """A well-formed answer of the model."""

    outcome: Outcome
    turns: tuple[int, ...]
    """0-based turns, all inside the window, no repetition."""
    quote: str
    """Exact substring of `case.turns[…].text` of one of `turns`; empty when the model named none."""
    clause_id: str
    """One of the clauses shown, or empty."""
    reason: str
    attempts: int = Field(ge=1, le=ATTEMPTS)
    usage: Usage
    """Of all attempts; `ms` is wall time."""
    manipulation: tuple[str, ...] = ()
    """Chinese names of the control language found in the window (`DroppedKind.zh`): a reason for review."""


class _Wire(BaseModel):
    """The JSON object as the model writes it. Evidence before outcome, so that the verdict follows from it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    turns: list[int] = Field(max_length=MAX_TURNS)
    quote: str = Field(max_length=MAX_CHARS)
    clause_id: str
    reason: str = Field(min_length=1, max_length=MAX_CHARS)
    outcome: Literal["violated", "compliant", "not_applicable", "undetermined"]


class _MalformedError(ValueError):
    """What is wrong with a reply, in Chinese, without a word of the reply."""


async def verify(case: VerifyCase, *, model: ChatModel, deadline_s: float) -> VerifyReply:
    """Ask `model` about one rule and one window; at most one repair, both within `deadline_s`.

    Raises:
        ModelOutputError: no attempt was a `VerifyReply`. Never read it as "no violation".
        ModelTimeoutError, ModelUnavailableError, ModelLimitError: from the model, not retried here.
    """
    started = time.monotonic()
    shown = {turn.index: neutralise(turn.text) for turn in case.turns}
    schema = reply_schema(case)
    prompt_tokens = completion_tokens = 0
    raw, problem = "", ""
    for attempt in range(1, ATTEMPTS + 1):
        remaining = deadline_s - (time.monotonic() - started)
        if remaining <= 0:
            raise ModelTimeoutError(f"规则 {case.rule_id!r}、通话 {case.call_id!r} 的复核未在 {deadline_s:g} 秒内完成")
        nonce = secrets.token_hex(16)  # 128 bits, new for every request: nobody can have put it into a transcript
        completion = await model.complete(
            PROMPT.messages(
                nonce=nonce,
                rule_title=neutralise(case.rule_title).text,
                category=neutralise(case.category).text,
                criterion=neutralise(case.criterion).text,
                clauses=[tuple(neutralise(part).text for part in (c.clause_id, c.label, c.text)) for c in case.clauses],
                facts=[(neutralise(name).text, neutralise(value).text) for name, value in case.facts.items()],
                turns=[(t.index, _SPEAKER_ZH.get(t.speaker, "其他人"), shown[t.index].text) for t in case.turns],
                candidates=case.candidates,
                max_turns=MAX_TURNS,
                min_chars=MIN_QUOTE_CHARS,
                max_chars=MAX_CHARS,
                repair=problem,
            ),
            max_tokens=MAX_TOKENS,
            schema=schema,
            deadline_s=remaining,
        )
        prompt_tokens += completion.prompt_tokens
        completion_tokens += completion.completion_tokens
        raw = completion.text
        try:
            wire = _parse(completion, case, nonce)
            quote = _original_quote(wire, case, shown)
        except _MalformedError as exc:
            problem = str(exc)
            continue
        return VerifyReply(
            outcome=Outcome(wire.outcome),
            turns=tuple(dict.fromkeys(wire.turns)),  # a grammar cannot forbid repetition, and it means nothing
            quote=quote,
            clause_id=wire.clause_id,
            reason=neutralise(wire.reason).text.strip(),  # may echo what the window hid
            attempts=attempt,
            usage=Usage(
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                ms=(time.monotonic() - started) * 1000,
            ),
            manipulation=_manipulation(case, shown.values()),
        )
    raise ModelOutputError(f"规则 {case.rule_id!r}、通话 {case.call_id!r} 的复核答复无效：{problem}", raw=raw)


def reply_schema(case: VerifyCase) -> dict[str, Any]:
    """JSON schema of an answer to this case: only turns of the window, only clauses shown, bounded strings."""
    properties: dict[str, Any] = {
        "turns": {
            "type": "array",
            "items": {"type": "integer", "enum": [turn.index for turn in case.turns]},
            "maxItems": min(MAX_TURNS, len(case.turns)),
        },
        "quote": {"type": "string", "maxLength": MAX_CHARS},
        "clause_id": {"type": "string", "enum": [*dict.fromkeys(c.clause_id for c in case.clauses), ""]},
        "reason": {"type": "string", "minLength": 1, "maxLength": MAX_CHARS},
        "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _parse(completion: Completion, case: VerifyCase, nonce: str) -> _Wire:
    """The reply as a typed value; a grammar upstream proves nothing, servers fall back to free text."""
    raw = completion.text
    if completion.finish_reason != "stop":
        raise _MalformedError("答复不完整")
    if len(raw) > MAX_REPLY_CHARS:
        raise _MalformedError("答复过长")
    if nonce in raw:
        raise _MalformedError("答复中出现了随机标记")
    try:
        wire = _Wire.model_validate(json.loads(raw, object_pairs_hook=_unique_keys, parse_constant=_no_constant))
    except ValidationError as exc:
        names = sorted(
            {".".join(str(part) for part in error["loc"][:1]) for error in exc.errors()} & set(_Wire.model_fields)
        )
        raise _MalformedError(f"字段不合要求（{'、'.join(names)}）" if names else "键不合要求") from None
    except _MalformedError:
        raise
    except (ValueError, RecursionError):
        raise _MalformedError("不是单独一个 JSON 对象") from None
    window = {turn.index for turn in case.turns}
    if not window.issuperset(wire.turns):
        raise _MalformedError("turns 超出所给话轮")
    if wire.clause_id and wire.clause_id not in {clause.clause_id for clause in case.clauses}:
        raise _MalformedError("clause_id 不在所给条款中")
    if not wire.reason.strip():
        raise _MalformedError("reason 为空")
    return wire


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise _MalformedError("键重复")
    return dict(pairs)


def _no_constant(_name: str) -> Any:
    raise _MalformedError("数值不合法")


def _original_quote(wire: _Wire, case: VerifyCase, shown: Mapping[int, Sanitised]) -> str:
    """The quote as it stands in the case, mapped back from what the model saw."""
    if not wire.quote.strip():
        return ""
    texts = {turn.index: turn.text for turn in case.turns}
    for index in wire.turns:
        text = shown[index].text
        span = _find(wire.quote, text)
        if span is not None and len(_fold(wire.quote)) >= min(MIN_QUOTE_CHARS, len(_fold(text))):
            start, end = shown[index].original_span(*span)
            return texts[index][start:end]
    raise _MalformedError(f"quote 不是所列话轮中不少于 {MIN_QUOTE_CHARS} 字的原文")


def _find(quote: str, text: str) -> tuple[int, int] | None:
    """Half-open span of `quote` in `text`, exact first, else after NFKC and without white space."""
    start = text.find(quote)
    if start >= 0:
        return start, start + len(quote)
    folded: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(text):
        for piece in _fold(char):
            folded.append(piece)
            origin.append(index)
    wanted = _fold(quote)
    start = "".join(folded).find(wanted) if wanted else -1
    return (origin[start], origin[start + len(wanted) - 1] + 1) if start >= 0 else None


def _fold(text: str) -> str:
    # Per character, so that both sides fold alike; composing across characters would shift offsets.
    return "".join("".join(unicodedata.normalize("NFKC", char).split()) for char in text)


def _manipulation(case: VerifyCase, shown: Iterable[Sanitised]) -> tuple[str, ...]:
    """Kinds of control language in anything a caller or a system outside could have written."""
    facts = (neutralise(part) for item in case.facts.items() for part in item)
    return tuple(sorted({found.kind.zh for text in (*shown, *facts) for found in text.dropped}))
