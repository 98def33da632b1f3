from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.intake.samples import native
from xiaobao.intake import parse_transcript

WORDS = ("您好，请问是王先生吗？", "是我，什么事？")


def spans(
    times: list[dict[str, Any]], **fields: Any
) -> tuple[list[tuple[float | None, float | None]], tuple[str, ...]]:
    turns = [{"speaker": "agent", "text": text, **given} for text, given in zip(WORDS, times, strict=True)]
    call, notes = parse_transcript(native(**fields, turns=turns), file="f")
    return [(turn.start, turn.end) for turn in call.turns], notes


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([{"start": 0.0, "end": 3.2}, {"start": 3.4, "end": 5}], None),
        ([{"begin": 0.0, "end": 3.2}, {"begin": 3.4, "end": 5}], "按秒"),
        ([{"begin": 0, "end": 3200}, {"begin": 3400, "end": 5000}], "由时长与字数推断"),
        ([{"BeginTime": 0, "EndTime": 3200}, {"BeginTime": 3400, "EndTime": 5000}], "由时长与字数推断"),
        ([{"begin_time": "0", "end_time": "3200"}, {"begin_time": "3400", "end_time": "5000"}], "由时长与字数推断"),
        (
            [{"BeginOffsetMillis": 0, "EndOffsetMillis": 3200}, {"BeginOffsetMillis": 3400, "EndOffsetMillis": 5000}],
            "字段名",
        ),
        ([{"start_ms": 0, "end_ms": 3200}, {"start_ms": 3400, "end_ms": 5000}], "字段名"),
        ([{"start": "00:00:00", "end": "00:00:03.2"}, {"start": "00:03.4", "end": "00:05"}], None),
        ([{"start": "10:00:00", "end": "10:00:03.2"}, {"start": "10:00:03.4", "end": "10:00:05"}], "钟点"),
        ([{"start": 1778551380000, "end": 1778551383200}, {"start": 1778551383400, "end": 1778551385000}], "绝对时间"),
        (
            [
                {"start": "2026-05-12T10:03:00+08:00", "end": "2026-05-12T10:03:03.200+08:00"},
                {"start": "2026-05-12T10:03:03.400+08:00", "end": "2026-05-12T10:03:05+08:00"},
            ],
            "绝对时间",
        ),
    ],
)
def test_every_way_to_write_times_comes_out_as_seconds(times: list[dict[str, Any]], told: str | None) -> None:
    got, notes = spans(times)
    assert got == [(0.0, 3.2), (3.4, 5.0)]
    assert (told is None and notes == ()) or (told is not None and any(told in note for note in notes))


def test_slow_seconds_are_not_taken_for_milliseconds() -> None:
    got, notes = spans([{"start": 0, "end": 30}, {"start": 540, "end": 570}])
    assert got == [(0, 30), (540, 570)]
    assert notes == ()


def test_start_times_alone_tell_the_unit_of_a_phone_call() -> None:
    got, _ = spans([{"start": 0}, {"start": 3400}])
    assert got == [(0.0, None), (3.4, None)]


def test_thinking_time_in_a_chat_is_not_taken_for_milliseconds() -> None:
    got, _ = spans([{"start": 0}, {"start": 3400}], channel="chat")
    assert got == [(0, None), (3400, None)]


def test_absolute_turn_times_date_a_call_without_a_start() -> None:
    turns = [{"speaker": "agent", "text": "您好", "time": "2026-05-12 10:03:00"}]
    call, notes = parse_transcript(native(started_at=None, turns=turns), file="f")
    assert call.started_at == datetime.fromisoformat("2026-05-12T10:03:00+08:00")
    assert any("首轮" in note for note in notes)


def test_what_is_no_time_is_left_out_and_counted() -> None:
    got, notes = spans([{"start": "早上", "end": [1]}, {"start": float("1e300"), "end": None}])
    assert got[0] == (None, None)
    assert any(note.startswith("2 处时间无法识别") for note in notes)


@pytest.mark.parametrize(
    "written",
    [
        "2026-05-12T10:03:00+08:00",
        "2026-05-12 10:03:00",
        "2026-05-12 10:03",
        "2026/5/12 10:03:00",
        "2026年5月12日 10时03分",
        "2026年5月12日10:03:00",
        "20260512100300",
        "1778551380",
        "1778551380000",
        1778551380,
        1778551380000,
        "2026-05-12T02:03:00Z",
    ],
)
def test_every_way_to_write_the_start_is_the_same_moment(written: object) -> None:
    call, _ = parse_transcript(native(started_at=written), file="f")
    assert call.started_at == datetime.fromisoformat("2026-05-12T10:03:00+08:00")


@pytest.mark.parametrize("written", ["2026-05-12", "2026/5/12", "2026年5月12日"])
def test_a_date_without_a_time_is_no_midnight_call(written: str) -> None:
    call, notes = parse_transcript(native(started_at=written), file="f")
    assert call.started_at is None
    assert call.context["call_date"] == "2026-05-12"
    assert any("只有日期" in note for note in notes)
