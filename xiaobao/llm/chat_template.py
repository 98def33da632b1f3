"""Render a model's chat template so that no message can contain a control token.

llama-cpp-python renders template and messages into one string and tokenises all of it with special tokens on
(0.3.36, `llama_chat_format.py`), so `<|im_end|>` said by a customer would end the turn. Here the template is rendered
around placeholders; only its own text is tokenised with special tokens on, every message with them off.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


class TemplateError(ValueError):
    """The model's template cannot carry these messages."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the rendered prompt."""

    text: str
    trusted: bool
    """True: written by the template, may hold control tokens. False: a message."""


def render_segments(
    messages: Sequence[tuple[str, str]], render: Callable[[list[dict[str, Any]]], str]
) -> list[Segment]:
    """Render `(role, content)` messages with `render`, the template.

    Raises:
        TemplateError: the template refused the roles, or dropped, repeated or reordered a message.
    """
    marks = [f"content{secrets.token_hex(16)}" for _ in messages]
    shape = [{"role": role, "content": mark} for (role, _), mark in zip(messages, marks, strict=True)]
    try:
        rendered = render(shape)
    except Exception as exc:
        # Templates raise what they like; several (Gemma, early Mistral) refuse a system role.
        if shape[0]["role"] != "system" or len(shape) < 2:
            raise TemplateError("对话模板不接受这些角色") from exc
        merged = [{"role": shape[1]["role"], "content": f"{marks[0]}\n\n{marks[1]}"}, *shape[2:]]
        try:
            rendered = render(merged)
        except Exception as again:
            raise TemplateError("对话模板不接受这些角色") from again
    segments: list[Segment] = []
    for mark, (_, content) in zip(marks, messages, strict=True):
        before, found, rendered = rendered.partition(mark)
        if not found:
            raise TemplateError("对话模板遗漏或打乱了消息")
        segments += [Segment(before, True), Segment(content, False)]
    if any(mark in rendered for mark in marks):
        raise TemplateError("对话模板重复了消息")
    segments.append(Segment(rendered, True))
    return [segment for segment in segments if segment.text]
