from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.samples import native
from xiaobao.domain import Transcript
from xiaobao.errors import IntakeError
from xiaobao.intake import parse_json_bytes, parse_transcript, preview_text_split
from xiaobao.intake.aliases import CALL_FIELDS, TURN_FIELDS

NAMES = st.sampled_from(sorted({n for table in (CALL_FIELDS, TURN_FIELDS) for names in table.values() for n in names}))
WORDS = st.sampled_from(
    ["agent", "客户", "催收", "外呼", "00:01:02", "2026-05-12", "1778551380", "是", "NaN", "\ud800", "\x00"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(codec=None), max_size=20)
    | WORDS
)
KEYS = NAMES | st.text(max_size=8)
JSON = st.recursive(SCALARS, lambda c: st.lists(c, max_size=4) | st.dictionaries(KEYS, c, max_size=6), max_leaves=25)
TURN = st.dictionaries(NAMES, SCALARS, max_size=6).map(lambda d: {"text": "您好"} | d) | JSON
CALL = st.builds(
    lambda base, turns: native() | base | ({"turns": turns} if turns is not None else {}),
    st.dictionaries(KEYS, JSON, max_size=5),
    st.none() | st.lists(TURN, max_size=5),
)


def check(call: Transcript) -> None:
    """What a transcript owes to every later stage."""
    again = Transcript.model_validate_json(call.model_dump_json())
    assert again == call
    json.dumps(call.model_dump(mode="json"), allow_nan=False).encode()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON | CALL)
def test_any_json_is_a_sound_transcript_or_an_intake_error(obj: Any) -> None:
    try:
        call, _ = parse_transcript(obj, file="f", line=1)
    except IntakeError as exc:
        assert exc.reason
        str(exc).encode(errors="strict")
    else:
        check(call)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    CALL.map(lambda obj: json.dumps(obj).encode()) | st.binary(max_size=200),
    st.integers(0, 2000),
    st.binary(max_size=3),
)
def test_any_bytes_are_a_sound_transcript_or_an_intake_error(data: bytes, at: int, patch: bytes) -> None:
    data = data[:at] + patch + data[at:]
    try:
        call, _ = parse_json_bytes(data, file="f", line=1)
    except IntakeError as exc:
        str(exc).encode(errors="strict")
    else:
        check(call)


LINES = st.lists(
    st.sampled_from(
        ["客服", "客户：", "：", "=== C-1 ===", "---", "通话编号：C-2", "业务：催收", "张三: 在", "10:30", "("]
    )
    | st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "[00:01:02] ", "客服 00:12 ", "00:01 客户 00:02", "【客服】"]),
        st.sampled_from(["", "客服", "甲", "坐席01"]),
        st.text(max_size=8).map("：{}".format),
    )
    | st.text(st.characters(codec="utf-8"), max_size=10),
    max_size=20,
)


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_no_line_of_a_text_is_lost_by_the_split(lines: list[str]) -> None:
    marked = [f"{line}标{i:02d}记" for i, line in enumerate(lines) if line.strip()]
    shown = ""
    for call in preview_text_split("\n".join(marked)):
        shown += f"{call.call_id}{call.headers}" + "".join(f"{t.label}{t.text}" for t in call.turns)
    marks = [f"标{i:02d}记" for i, line in enumerate(lines) if line.strip()]
    assert [mark for mark in marks if mark not in shown] == []
