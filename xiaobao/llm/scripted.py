"""A chat model that answers from a script: for tests, demos of failure, and dry runs of a graph."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from xiaobao.errors import ModelTimeoutError
from xiaobao.llm.port import Completion, Message


@dataclass(frozen=True, slots=True)
class Scripted:
    """One reply that needs more than its text."""

    text: str
    finish_reason: str = "stop"
    delay_s: float = 0
    """Seconds before the reply; at or above the caller's deadline the call times out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as the model saw it."""

    messages: tuple[Message, ...]
    max_tokens: int
    schema: dict[str, Any] | None
    deadline_s: float


class ScriptExhaustedError(AssertionError):
    """Asked more often than scripted: a bug of the caller, so not a `ModelError` that a graph would absorb."""


class ScriptedModel:
    """Gives the scripted replies in order and keeps every prompt in `asked`."""

    def __init__(self, replies: Iterable[str | Scripted | BaseException], *, name: str = "scripted") -> None:
        self._replies = list(replies)
        self.name = name
        self.sha256: str | None = None
        self.asked: list[Asked] = []
        self.closed = False

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: dict[str, Any] | None, deadline_s: float
    ) -> Completion:
        self.asked.append(Asked(tuple(messages), max_tokens, schema, deadline_s))
        if len(self.asked) > len(self._replies):
            raise ScriptExhaustedError(f"第 {len(self.asked)} 次提问超出剧本（共 {len(self._replies)} 条）")
        reply = self._replies[len(self.asked) - 1]
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, str):
            reply = Scripted(reply)
        await asyncio.sleep(min(reply.delay_s, deadline_s))
        if reply.delay_s >= deadline_s:
            raise ModelTimeoutError(f"模型 {self.name!r} 未在 {deadline_s:g} 秒内答复")
        # One token per character is close enough for a double; real backends report the tokenizer's count.
        return Completion(
            text=reply.text,
            finish_reason=reply.finish_reason,
            prompt_tokens=sum(len(m.content) for m in messages),
            completion_tokens=len(reply.text),
        )

    async def aclose(self) -> None:
        self.closed = True
