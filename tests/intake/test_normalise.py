from __future__ import annotations

from typing import Any

import pytest

from tests.intake.samples import native
from xiaobao.domain import MAX_TURN_CHARS, MAX_TURNS, Transcript
from xiaobao.errors import IntakeError
from xiaobao.intake import parse_transcript


def parse(obj: object, **options: Any) -> tuple[Transcript, tuple[str, ...]]:
    return parse_transcript(obj, file="f.json", line=7, **options)


def refused(obj: object) -> str:
    with pytest.raises(IntakeError) as info:
        parse(obj)
    return info.value.reason


def without(*names: str, **fields: Any) -> dict[str, Any]:
    return {key: value for key, value in native(**fields).items() if key not in names}


@pytest.mark.parametrize("key", ["id", "callId", "session_id", "tid", "会话ID", "通话编号", "Session-Id"])
def test_the_call_id_is_found_under_its_aliases(key: str) -> None:
    call, _ = parse({**without("call_id"), key: "X-9"})
    assert call.call_id == "X-9"


def test_a_call_id_beside_an_id_wins_and_the_id_is_kept_as_context() -> None:
    call, notes = parse(native("C-1", id="row-5"))
    assert (call.call_id, call.context["id"]) == ("C-1", "row-5")
    assert any("id" in note for note in notes)


def test_a_whole_number_is_an_id() -> None:
    assert parse(native(call_id=10086))[0].call_id == "10086"


@pytest.mark.parametrize(
    "key", ["turns", "dialogue", "dialog", "sentences", "utterances", "messages", "transcript", "segments"]
)
def test_turns_are_found_under_their_aliases(key: str) -> None:
    call, _ = parse({**without("turns"), key: native()["turns"]})
    assert len(call.turns) == 2


@pytest.mark.parametrize("key", ["role", "speaker", "identity", "channel_id", "角色"])
@pytest.mark.parametrize("text", ["words", "text", "content", "Content", "sentence", "内容"])
def test_speaker_and_text_are_found_under_their_aliases(key: str, text: str) -> None:
    call, _ = parse(native(turns=[{key: "坐席", text: "您好"}, {key: "CUSTOMER", text: "好"}]))
    assert [(turn.speaker.value, turn.text) for turn in call.turns] == [("agent", "您好"), ("customer", "好")]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("理财", "wealth"),
        ("基金", "wealth"),
        ("保险", "insurance"),
        ("贷款", "loan"),
        ("信用卡", "credit_card"),
        ("催收", "collections"),
        ("贷后", "collections"),
        ("客服", "service"),
        ("咨询", "service"),
        ("Credit Card", "credit_card"),
    ],
)
def test_business_words_are_understood(word: str, value: str) -> None:
    assert parse(native(business=word))[0].business == value


@pytest.mark.parametrize(
    ("word", "value"), [("电话", "phone"), ("在线客服", "chat"), ("双录", "video"), ("邮件", "email")]
)
def test_channel_words_are_understood(word: str, value: str) -> None:
    assert parse(native(channel=word))[0].channel == value


@pytest.mark.parametrize(("word", "value"), [("呼入", "inbound"), ("外呼", "outbound"), ("OUT", "outbound")])
def test_direction_words_are_understood(word: str, value: str) -> None:
    assert parse(native(direction=word))[0].direction == value


def test_missing_closed_fields_take_the_stated_default_and_are_told() -> None:
    call, notes = parse(without("business", "channel", "direction"))
    assert (call.business, call.channel, call.direction) == ("service", "phone", "inbound")
    assert [note for note in notes if "缺少" in note] == [
        "缺少渠道（channel），按 'phone' 处理",
        "缺少业务（business），按 'service' 处理",
        "缺少方向（direction），按 'inbound' 处理",
    ]


def test_missing_parties_are_unknown_and_told() -> None:
    call, notes = parse(without("agent", "customer"))
    assert (call.agent.id, call.customer.id) == ("unknown", "unknown")
    assert sum("'unknown'" in note for note in notes) == 2


def test_flat_columns_build_the_parties() -> None:
    flat = {"坐席工号": "A9", "坐席姓名": "甲", "班组": "一组", "客户号": 42, "年龄段": "60-70", "是否债务人": "否"}
    call, _ = parse({**without("agent", "customer"), **flat})
    assert call.agent.model_dump() == {"id": "A9", "name": "甲", "team": "一组", "org": None}
    assert (call.customer.id, call.customer.age_band, call.customer.is_debtor) == ("42", "60-70", False)


def test_an_id_given_twice_with_different_values_is_told() -> None:
    call, notes = parse(native(agent_id="A99"))
    assert call.agent.id == "A17"
    assert "agent.id 有两处且不同，取 agent 对象里的值" in notes


def test_a_bare_id_is_a_party() -> None:
    call, notes = parse(native(agent="A5", 客户="U7") | {"customer": None})
    assert (call.agent.id, call.customer.id, notes) == ("A5", "U7", ())


def test_unknown_fields_of_a_call_become_context_and_are_told_once() -> None:
    call, notes = parse(native(录音文件="a.wav", 当日联系次数="5", x_tag=["a"]) | {"context": {}})
    assert call.context == {"录音文件": "a.wav", "contacts_today": 5, "x_tag": ["a"]}
    assert [note for note in notes if "context" in note] == [
        "其他 3 个字段记入 context：录音文件、contacts_today、x_tag"
    ]


def test_a_field_that_contradicts_the_context_is_kept_beside_it() -> None:
    call, _ = parse(native(contacts_today=9))
    assert call.context == {"contacts_today": 2, "contacts_today（外层）": 9}


def test_unknown_fields_of_turns_are_dropped_with_one_note() -> None:
    turns = [{"speaker": "agent", "text": "您好", "emotion": i, "silence": 0} for i in range(5)]
    _, notes = parse(native(turns=turns))
    assert [note for note in notes if "未采用" in note] == ["轮次里的其他字段未采用：'emotion'、'silence'"]


def test_a_missing_call_id_is_an_error_unless_the_file_stands_for_one_call() -> None:
    assert "缺少通话编号" in refused(without("call_id"))
    call, notes = parse(without("call_id"), fallback_call_id="录音0512")
    assert call.call_id == "录音0512"
    assert "缺少通话编号，取自文件名：'录音0512'" in notes


def test_a_dialogue_in_one_text_is_split() -> None:
    call, notes = parse(without("turns") | {"transcript": "客服：您好\n请问是您本人吗\n客户: 是"})
    assert [(t.speaker.value, t.text) for t in call.turns] == [("agent", "您好\n请问是您本人吗"), ("customer", "是")]
    assert any("切分为 2 轮" in note for note in notes)


def test_a_null_text_is_an_empty_turn_and_told() -> None:
    call, notes = parse(native(turns=[{"speaker": "agent", "text": None}, {"speaker": "agent", "text": "您好"}]))
    assert call.turns[0].text == ""
    assert any("没有文本" in note for note in notes)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"turns": []}, "turns 为空"),
        ({"turns": None}, "缺少对话轮次"),
        ({"turns": 5}, "turns 应为列表"),
        ({"turns": ["您好"]}, "turns[0] 不是对象"),
        ({"turns": [{"speaker": "agent"}]}, "缺少文本"),
        ({"turns": [{"speaker": "agent", "text": 5}]}, "不是文字"),
        ({"turns": [{"speaker": "agent", "text": " "}]}, "都是空的"),
        ({"turns": "没有说话人的一段话"}, "无法按说话人切分"),
        ({"call_id": ["C"]}, "call_id 应为文字"),
        ({"agent": [1]}, "agent 应为对象"),
        ({"agent": {"id": {"a": 1}}}, "agent.id 应为文字"),
        ({"customer": {"id": "U", "is_debtor": "maybe"}}, "is_debtor"),
        ({"started_at": "昨天下午"}, "无法识别的时间格式"),
        ({"started_at": "2026-13-45T10:00:00+08:00"}, "无法识别的时间格式"),
        ({"started_at": 5}, "时间戳"),
        ({"started_at": True}, "不是时间"),
        ({"started_at": "0001-01-01T00:00:00+08:00"}, "年份"),
        ({"context": {"n": float("inf")}}, "有限"),
        ({"context": {"s": "\udc80"}}, "0x80"),
    ],
)
def test_what_cannot_be_a_call_is_refused_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    assert reason in refused(native(**fields))


def test_a_turn_above_the_limit_is_refused_and_the_limit_named() -> None:
    ten_megabytes = "啊" * 10_000_000
    reason = refused(native(turns=[{"speaker": "agent", "text": ten_megabytes}]))
    assert reason == f"turns[0] 有 10,000,000 个字符，上限 {MAX_TURN_CHARS:,}"


def test_a_hundred_thousand_turns_are_refused_and_the_limit_named() -> None:
    reason = refused(native(turns=[{"speaker": "agent", "text": "啊"}] * 100_000))
    assert reason == f"有 100,000 轮，上限 {MAX_TURNS:,} 轮"


def test_as_many_turns_as_allowed_are_taken() -> None:
    assert len(parse(native(turns=[{"role": "agent", "text": "啊"}] * MAX_TURNS))[0].turns) == MAX_TURNS


def test_the_fault_of_a_turn_with_a_line_of_its_own_names_that_line() -> None:
    with pytest.raises(IntakeError) as info:
        parse(native(turns=[{"speaker": "agent", "text": "好"}, {"speaker": "agent"}]), turn_lines=[10, 11])
    assert info.value.line == 11
