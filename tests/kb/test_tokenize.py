"""Search features: one spelling, characters and pairs, concepts."""

from __future__ import annotations

import pytest

from kb.normalize import fold
from kb.synonyms import load_synonyms
from kb.tokenize import features


def test_traditional_full_width_and_upper_case_fold_to_one_spelling() -> None:
    assert fold("帳戶餘額查詢ＡＰＰ") == "账户余额查询app"


def test_traditional_and_simplified_questions_have_the_same_features() -> None:
    assert features("請問信用卡年費多少？") == features("请问信用卡年费多少?")


@pytest.mark.parametrize(
    ("one", "other", "concept"),
    [
        ("能取现吗", "可以提现吗", "withdraw_cash"),
        ("保本吗", "会不会稳赚", "principal_safe"),
        ("想退保", "解除合同", "surrender"),
        ("催债电话", "催收电话", "collect"),
    ],
)
def test_different_sayings_of_one_thing_share_a_concept(one: str, other: str, concept: str) -> None:
    assert f"§{concept}" in features(one)
    assert f"§{concept}" in features(other)


def test_politeness_leaves_no_features() -> None:
    assert features("您好，请问！！") == []


def test_latin_words_and_numbers_are_whole_features() -> None:
    found = features("拨打12378或登录APP")
    assert "12378" in found
    assert "app" in found
    assert "录a" not in found


def test_the_longest_saying_counts_at_each_position() -> None:
    assert load_synonyms().find("滞纳金") == ("penalty",)
