"""Partly hidden values for people, and evidence offsets on them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.privacy.samples import call
from tests.privacy.test_masking import CALLS
from xiaobao.domain import Transcript
from xiaobao.privacy import PiiKind, display, display_segments, find_pii, partly_hidden


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (PiiKind.NAME, "张三丰", "张**"),
        (PiiKind.NAME, "欧阳静", "欧阳*"),
        (PiiKind.NAME, "王", "王"),
        (PiiKind.MOBILE, "138 1234 5678", "138****5678"),
        (PiiKind.MOBILE, "+8613812345678", "138****5678"),
        (PiiKind.MOBILE, "幺三八幺二三四五六七八", "138****5678"),
        (PiiKind.MOBILE, "一三八零", "****"),
        (PiiKind.ID_CARD, "110105199003072317", "110105********2317"),
        (PiiKind.ID_CARD, "零六二零三X", "******"),
        (PiiKind.BANK_CARD, "6222 0212 3456 7890 128", "********0128"),
        (PiiKind.LANDLINE, "010-62345678", "010******78"),
        (PiiKind.EMAIL, "lihua88@163.com", "l***@163.com"),
        (PiiKind.ADDRESS, "四川省成都市武侯区科华北路65号", "四川省成都市****"),
        (PiiKind.ADDRESS, "科华北路65号", "科华北路**号"),
        (PiiKind.PLATE, "京A12345", "京A***45"),
        (PiiKind.PASSPORT, "E12345678", "E***78"),
        (PiiKind.WECHAT_QQ, "wx_lily2020", "w***20"),
        (PiiKind.USCC, "91110105MA01ABCD1X", "911101********CD1X"),
        (PiiKind.PASSWORD_CODE, "836152", "******"),
    ],
)
def test_each_kind_keeps_only_what_colleagues_need(kind: PiiKind, value: str, shown: str) -> None:
    assert partly_hidden(value, kind) == shown


def test_display_replaces_each_value_in_its_turn() -> None:
    transcript = call("请问是高文博先生吗", "是，电话13812345678")
    assert display(transcript, find_pii(transcript)) == ("请问是高**先生吗", "是，电话138****5678")


@given(CALLS)
@settings(deadline=None, max_examples=150)
def test_segments_cover_the_turn_without_gaps_and_copy_plain_text(transcript: Transcript) -> None:
    spans = find_pii(transcript)
    for turn, text in enumerate(turn.text for turn in transcript.turns):
        own = [span for span in spans if span.turn == turn]
        segments = display_segments(text, own)
        assert "".join(text[start:end] for start, end, _ in segments) == text
        hidden = {(span.start, span.end) for span in own}
        assert all(shown == text[start:end] for start, end, shown in segments if (start, end) not in hidden)


@given(
    st.sampled_from(list(PiiKind)), st.text(alphabet="0123456789一二三四五零幺 -@.X京A市路号", min_size=6, max_size=24)
)
def test_no_long_run_of_digits_is_shown(kind: PiiKind, value: str) -> None:
    shown = partly_hidden(value, kind)
    if kind in (PiiKind.MOBILE, PiiKind.BANK_CARD, PiiKind.PASSWORD_CODE, PiiKind.LANDLINE):
        assert max((len(part) for part in shown.replace("*", " ").split()), default=0) <= 4
