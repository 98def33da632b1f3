from __future__ import annotations

import pytest

from xiaobao.errors import ModelTimeoutError, ModelUnavailableError
from xiaobao.llm import ChatModel, Message
from xiaobao.llm.scripted import Scripted, ScriptedModel, ScriptExhaustedError

pytestmark = pytest.mark.asyncio
ASK = (Message("user", "你好"),)


async def ask(model: ChatModel, deadline_s: float = 1) -> str:
    return (await model.complete(ASK, max_tokens=8, schema=None, deadline_s=deadline_s)).text


async def test_replies_come_in_order_and_prompts_are_kept() -> None:
    model = ScriptedModel(["一", "二"])
    assert [await ask(model), await ask(model)] == ["一", "二"]
    assert [asked.messages for asked in model.asked] == [ASK, ASK]


async def test_asking_too_often_is_loud_and_no_model_error() -> None:
    model = ScriptedModel(["一"])
    await ask(model)
    with pytest.raises(ScriptExhaustedError):
        await ask(model)


async def test_exceptions_and_finish_reasons_can_be_scripted() -> None:
    model = ScriptedModel([ModelUnavailableError("停机"), Scripted("半", finish_reason="length")])
    with pytest.raises(ModelUnavailableError):
        await ask(model)
    completion = await model.complete(ASK, max_tokens=8, schema=None, deadline_s=1)
    assert (completion.text, completion.finish_reason) == ("半", "length")


async def test_a_delay_beyond_the_deadline_times_out() -> None:
    with pytest.raises(ModelTimeoutError):
        await ask(ScriptedModel([Scripted("迟", delay_s=60)]), deadline_s=0.01)
