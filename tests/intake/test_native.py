from __future__ import annotations

import json
from typing import Any

import pytest

from tests.intake.samples import dumps, native
from xiaobao.errors import IntakeError
from xiaobao.intake import parse_json_bytes, parse_transcript


def parse(obj: object) -> tuple[Any, tuple[str, ...]]:
    return parse_json_bytes(dumps(obj), file="f.jsonl", line=3)


def refused(data: bytes) -> IntakeError:
    with pytest.raises(IntakeError) as info:
        parse_json_bytes(data, file="f.jsonl", line=3)
    assert (info.value.file, info.value.line) == ("f.jsonl", 3)
    return info.value


def test_a_native_call_is_taken_as_it_is_and_without_notes() -> None:
    call, notes = parse(native())
    assert notes == ()
    assert call.model_dump(mode="json", exclude_none=True) == native()


@pytest.mark.parametrize("started_at", ["2026-05-12T10:03:00+08:00", "2026-05-12T02:03:00Z", None])
def test_the_tolerant_path_reads_a_native_call_the_same_way(started_at: str | None) -> None:
    obj = native(started_at=started_at, agent={"id": "A", "level": 3}, customer={"id": "U", "extra": None, "x": [1]})
    assert parse_transcript(obj, file="f") == parse(obj)


def test_a_native_call_of_many_megabytes_is_taken_without_notes() -> None:
    turns = [{"speaker": "agent", "text": "您好" * 100, "start": i * 40.0, "end": i * 40.0 + 39} for i in range(10_000)]
    call, notes = parse(native(turns=turns))
    assert (len(call.turns), notes) == (10_000, ())


def test_text_keeps_every_character_so_that_offsets_hold() -> None:
    text = "  您好\t\u200b\ue000😀\u3000全角１２３\r\n "
    call, _ = parse(native(turns=[{"speaker": "agent", "text": text}]))
    assert call.turns[0].text == text


def test_source_fields_of_customer_and_agent_are_kept() -> None:
    call, notes = parse(native(customer={"id": "U1", "nationality": "CN"}, agent={"id": "A1", "level": 3}))
    assert (call.customer.model_extra, call.agent.model_extra) == ({"nationality": "CN"}, {"level": 3})
    assert notes == ()


def test_a_naive_start_is_read_as_shanghai_and_told() -> None:
    call, notes = parse(native(started_at="2026-05-12T10:03:00"))
    assert call.started_at.isoformat() == "2026-05-12T10:03:00+08:00"
    assert notes == ("started_at 无时区，按 Asia/Shanghai 处理",)


def test_an_epoch_start_is_shown_in_shanghai_and_told() -> None:
    call, notes = parse(native(started_at=1778551380))
    assert call.started_at.isoformat() == "2026-05-12T10:03:00+08:00"
    assert "时间戳" in notes[0]


def test_a_utc_start_keeps_its_offset() -> None:
    call, notes = parse(native(started_at="2026-05-12T02:03:00Z"))
    assert call.started_at.isoformat() == "2026-05-12T02:03:00+00:00"
    assert notes == ()


def test_milliseconds_under_the_native_names_are_recognised_and_told() -> None:
    turns = [
        {"speaker": "agent", "text": "您好，请问是王先生吗？", "start": 0, "end": 3200},
        {"speaker": "customer", "text": "是我，什么事？", "start": 3400, "end": 5000},
    ]
    call, notes = parse(native(turns=turns))
    assert [(turn.start, turn.end) for turn in call.turns] == [(0.0, 3.2), (3.4, 5.0)]
    assert any("毫秒" in note for note in notes)


def test_times_that_run_backwards_are_dropped_and_told() -> None:
    call, notes = parse(native(turns=[{"speaker": "agent", "text": "您好", "start": 5.0, "end": 3.0}]))
    assert (call.turns[0].start, call.turns[0].end) == (None, None)
    assert any("早于" in note for note in notes)


@pytest.mark.parametrize("party", ["agent", "customer"])
def test_a_blank_id_becomes_unknown_and_is_told(party: str) -> None:
    call, notes = parse(native(**{party: {"id": " "}}))
    assert getattr(call, party).id == "unknown"
    assert any("'unknown'" in note for note in notes)


def test_a_nul_escape_is_refused_with_its_column() -> None:
    data = dumps(native()).replace("王先生".encode(), b"\\u0000")
    error = refused(data)
    assert "NUL" in error.reason and "turns[0].text" in error.reason
    assert error.column == data.decode().index("\\u0000") + 1


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    call, notes = parse(native(turns=[{"speaker": "agent", "text": "路径 C:\\u0000"}]))
    assert call.turns[0].text.endswith("\\u0000")
    assert notes == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dumps(native()).replace("王先生".encode(), b"\\ud800"), "代理字符"),
        (dumps(native()).replace("王先生".encode(), b"\xff"), "0xFF 不是合法的 UTF-8"),
        (dumps(native())[:200], "截断"),
        (dumps(native()) + b"{}", "多余内容"),
        (b'{"context":' + b"[" * 1_000_000, "嵌套过深"),
        (dumps(native()).replace(b'"contacts_today": 2', b'"n": ' + b"9" * 10_000_000), "数字过大"),
        (dumps(native()).replace(b'"contacts_today": 2', b'"n": 99999999999999999999'), "64 位"),
        (dumps(native()).replace(b'"contacts_today": 2', b'"n": NaN'), "有限的数字"),
        (dumps(native()).replace(b'"contacts_today": 2', b'"n": 1e999'), "无穷大"),
        (dumps(native()).replace(b'"contacts_today": 2', b'"n": ' + b"[" * 100 + b"]" * 100), "嵌套过深"),
        (dumps(native()).replace(b'"start": 0.0', b'"start": NaN'), "有限的数字"),
        (b"[1]", "不是 JSON 对象"),
        (b"null", "不是 JSON 对象"),
    ],
)
def test_hostile_json_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    assert reason in refused(data).reason


def test_the_column_of_a_json_fault_counts_characters() -> None:
    data = dumps(native())
    error = refused(data[:-1])
    assert error.column == len(data.decode())


@pytest.mark.parametrize("call_id", ["C\n1", "C\u202e1", "C\u200b1", "x" * 201])
def test_ids_that_would_break_logs_or_lists_are_refused(call_id: str) -> None:
    assert "call_id" in refused(dumps(native(call_id))).reason


@pytest.mark.parametrize(("field", "value"), [("business", "保理"), ("channel", "fax"), ("direction", "sideways")])
def test_an_unknown_word_in_a_closed_field_is_refused_not_guessed(field: str, value: str) -> None:
    reason = refused(dumps(native(**{field: value}))).reason
    assert value in reason and "可用" in reason


def test_the_reason_never_repeats_what_was_said() -> None:
    data = json.dumps(native(turns=[{"speaker": "agent", "text": "秘密\x00秘密"}]), ensure_ascii=False).encode()
    assert "秘密" not in str(refused(data))
