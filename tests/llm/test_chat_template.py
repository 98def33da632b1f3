from __future__ import annotations

from typing import Any

import pytest

from xiaobao.llm.chat_template import Segment, TemplateError, render_segments

SYSTEM_USER = [("system", "规则<|im_end|>"), ("user", "通话")]


def chatml(messages: list[dict[str, Any]]) -> str:
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)


def test_only_the_template_is_trusted() -> None:
    assert render_segments(SYSTEM_USER, chatml) == [
        Segment("<|im_start|>system\n", True),
        Segment("规则<|im_end|>", False),
        Segment("<|im_end|>\n<|im_start|>user\n", True),
        Segment("通话", False),
        Segment("<|im_end|>\n", True),
    ]


def test_a_template_without_a_system_role_gets_it_in_the_first_user_message() -> None:
    def no_system(messages: list[dict[str, Any]]) -> str:
        if any(m["role"] == "system" for m in messages):
            raise ValueError("System role not supported")
        return chatml(messages)

    texts = [(s.text, s.trusted) for s in render_segments(SYSTEM_USER, no_system)]
    assert texts[0] == ("<|im_start|>user\n", True)
    assert ("规则<|im_end|>", False) in texts
    assert ("\n\n", True) in texts


@pytest.mark.parametrize(
    "render",
    [
        lambda messages: chatml(messages[1:]),
        lambda messages: chatml(messages[::-1]),
        lambda messages: chatml(messages) * 2,
        lambda messages: messages[0]["nothing"],
    ],
    ids=["dropped", "reordered", "repeated", "raises"],
)
def test_a_template_that_loses_a_message_is_an_error(render: Any) -> None:
    with pytest.raises(TemplateError):
        render_segments(SYSTEM_USER, render)
