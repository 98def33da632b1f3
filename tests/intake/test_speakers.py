from __future__ import annotations

from typing import Any

import pytest

from tests.intake.samples import native
from xiaobao.domain import Transcript
from xiaobao.intake import parse_transcript


def speakers(labels: list[object], **fields: Any) -> tuple[list[str], tuple[str, ...]]:
    turns = [{"speaker": label, "text": "您好"} for label in labels]
    call: Transcript
    call, notes = parse_transcript(native(**fields, turns=turns), file="f")
    return [turn.speaker.value for turn in call.turns], notes


@pytest.mark.parametrize(
    "label",
    [
        "agent",
        "AGENT",
        "坐席",
        "座席",
        "客服",
        "催收员",
        "柜员",
        "经理",
        "客户经理",
        "客服01",
        "坐席A001",
        "客服（张三）",
        "ＡＧＥＮＴ",
    ],
)
def test_words_for_the_agent(label: str) -> None:
    assert speakers([label]) == (["agent"], ())


@pytest.mark.parametrize("label", ["customer", "Customer", "客户", "机主", "用户", "持卡人", "客户（王先生）", "客户1"])
def test_words_for_the_customer(label: str) -> None:
    assert speakers([label]) == (["customer"], ())


@pytest.mark.parametrize("label", ["system", "系统", "IVR", "语音提示"])
def test_words_for_the_system(label: str) -> None:
    assert speakers([label]) == (["system"], ())


@pytest.mark.parametrize("label", ["张三", "客户的儿子", "spk_0", 0, 1, "1", 3.5, None, True, ["agent"], {"a": 1}])
def test_an_unknown_label_is_other_and_told(label: object) -> None:
    roles, notes = speakers([label, "agent"])
    assert roles == ["other", "agent"]
    assert len([note for note in notes if "记为 other（1 轮）" in note]) == 1


@pytest.mark.parametrize(
    "mapping",
    [
        {"speaker_map": {"0": "坐席", "1": "客户"}},
        {"role_map": {"agent": 0, "customer": 1}},
        {"speakers": [{"id": 0, "role": "agent"}, {"id": 1, "role": "customer"}]},
        {"agent_channel": 0},
        {"agent_channel": "0"},
    ],
)
def test_numbers_are_roles_only_when_the_record_says_which(mapping: dict[str, Any]) -> None:
    assert speakers([0, 1, "0"], **mapping) == (["agent", "customer", "agent"], ())


def test_the_records_map_overrules_the_words() -> None:
    assert speakers(["客户"], speaker_map={"客户": "agent"})[0] == ["agent"]


def test_a_map_that_says_nothing_is_kept_as_context() -> None:
    call, notes = parse_transcript(native(speakers=["甲", "乙"]), file="f")
    assert call.context["speaker_map"] == ["甲", "乙"]
    assert any("speaker_map" in note for note in notes)


@pytest.mark.parametrize(
    ("direction", "roles"), [("inbound", ["customer", "agent"]), ("outbound", ["agent", "customer"])]
)
def test_caller_and_callee_follow_a_stated_direction_and_are_told(direction: str, roles: list[str]) -> None:
    got, notes = speakers(["主叫", "callee"], direction=direction)
    assert got == roles
    assert sum("呼叫方向" in note for note in notes) == 2


def test_caller_and_callee_are_other_when_the_direction_is_only_a_default() -> None:
    assert speakers(["主叫", "被叫"], direction=None)[0] == ["other", "other"]


def test_the_other_side_is_the_customer_and_a_bot_speaks_for_the_bank_and_both_are_told() -> None:
    roles, notes = speakers(["对方", "机器人"])
    assert roles == ["customer", "agent"]
    assert len(notes) == 2


def test_many_unknown_labels_are_summed_up() -> None:
    _, notes = speakers([f"某人{i}号" for i in range(50)])
    assert len(notes) == 6 and "另有 45 个" in notes[-1]
