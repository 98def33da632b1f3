"""Offsets between raw and masked text, and what masking must never touch."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.privacy.pii_metrics import load_cases
from tests.privacy.samples import call
from xiaobao.domain import Transcript
from xiaobao.privacy import PiiKind, find_pii, mask, mask_text

FRAGMENTS = sorted({turn for case in load_cases() for turn in case.turns})
NOISE = "0123456789０一二三四五六七八九零幺十百万 -,，。、嗯X@.年元号路栋王李先生小是叫〔〕\n"
TURNS = st.one_of(
    st.sampled_from(FRAGMENTS),
    st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join),
    st.text(alphabet=NOISE, max_size=60),
    st.text(max_size=40),
)
CALLS = st.lists(TURNS, min_size=1, max_size=6).map(lambda texts: call(*texts))


@given(CALLS)
@settings(deadline=None, max_examples=250)
def test_spans_are_sorted_disjoint_and_inside_their_turns(transcript: Transcript) -> None:
    spans = find_pii(transcript)
    assert list(spans) == sorted(spans, key=lambda span: (span.turn, span.start))
    for span in spans:
        assert 0 <= span.start < span.end <= len(transcript.turns[span.turn].text)
    for before, after in pairwise(spans):
        assert before.turn < after.turn or before.end <= after.start


@given(CALLS)
@settings(deadline=None, max_examples=250)
def test_text_outside_the_spans_is_unchanged(transcript: Transcript) -> None:
    masked = mask(transcript)
    for turn, text in enumerate(masked.raw_texts):
        expected, position = "", 0
        for span in (span for span in masked.spans if span.turn == turn):
            expected += text[position : span.start] + span.placeholder
            position = span.end
        assert masked.texts[turn] == expected + text[position:]


@given(CALLS)
@settings(deadline=None, max_examples=250)
def test_equal_numbers_get_one_placeholder_that_nobody_said(transcript: Transcript) -> None:
    masked = mask(transcript)
    placeholders: dict[str, str] = {}
    for span in masked.spans:
        said = masked.raw_texts[span.turn][span.start : span.end]
        # A surname may belong to two people, a short piece to two numbers.
        if span.kind is not PiiKind.NAME and len(said) >= 11:
            assert placeholders.setdefault(said, span.placeholder) == span.placeholder
        assert not any(span.placeholder in text for text in masked.raw_texts)


@given(CALLS, st.data())
@settings(deadline=None, max_examples=250)
def test_a_masked_range_comes_back_to_the_raw_words_that_hold_it(transcript: Transcript, data: st.DataObject) -> None:
    masked = mask(transcript)
    turn = data.draw(st.integers(0, len(masked.texts) - 1))
    text = masked.texts[turn]
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    raw = masked.to_raw(turn, start, end)
    assert raw is not None
    back = masked.to_masked(turn, *raw)
    assert back is not None
    assert back[0] <= start < end <= back[1]
    assert masked.to_raw(turn, *back) == raw
    touched = [span for span in masked.spans if span.turn == turn and span.start < raw[1] and raw[0] < span.end]
    if not touched:
        assert masked.raw_texts[turn][slice(*raw)] == text[start:end]
    for span in touched:
        assert raw[0] <= span.start < span.end <= raw[1]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 1), (0, 99)])
def test_a_range_outside_the_turn_maps_to_none(start: int, end: int) -> None:
    masked = mask(call("我叫高文博，打错了"))
    assert masked.to_raw(0, start, end) is None
    assert masked.to_masked(0, start, end) is None


def test_an_unknown_turn_maps_to_none() -> None:
    masked = mask(call("您好"))
    assert masked.to_raw(1, 0, 1) is None
    assert masked.to_masked(-1, 0, 1) is None


def test_a_range_that_touches_a_placeholder_maps_to_the_whole_raw_span() -> None:
    masked = mask(call("电话13812345678，别打了"))
    assert masked.texts[0] == "电话〔手机号1〕，别打了"
    assert masked.to_raw(0, 4, 5) == (2, 13)
    assert masked.to_raw(0, 0, 3) == (0, 13)
    assert masked.to_raw(0, 8, 10) == (13, 15)
    assert masked.to_masked(0, 5, 6) == (2, 8)


def test_restore_puts_the_longest_form_of_a_name_back() -> None:
    masked = mask(call("王先生您好", "我是王建国，电话13812345678"))
    assert masked.restore("尊敬的〔人名1〕：您的〔手机号1〕已登记") == "尊敬的王建国：您的13812345678已登记"


def test_restore_leaves_unknown_placeholders() -> None:
    assert mask(call("您好")).restore("〔人名7〕") == "〔人名7〕"


def test_free_text_is_masked_without_a_call() -> None:
    line = "call C-1 failed: customer 高丽丽女士, tel=13812345678, card 6222021234567890128, took 12.5 ms"
    assert mask_text(line) == "call C-1 failed: customer 〔人名1〕女士, tel=〔手机号1〕, card 〔卡号1〕, took 12.5 ms"
