"""The pattern language: what it refuses, what it folds, and that a match stays inside a sentence."""

from __future__ import annotations

import pytest

from xiaobao.errors import PolicyError
from xiaobao.rules.patterns import MAX_GAP, Lexicon, alternatives, compile_pattern
from xiaobao.rules.text import fold

PLAIN = Lexicon({})


def matches(pattern: str, text: str, **classes: tuple[str, ...]) -> bool:
    return compile_pattern(pattern, Lexicon(classes)).exact.search(fold(text)) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "保本.*收益",
        "保本.+收益",
        "(保本){2,}",
        f"保本.{{0,{MAX_GAP + 1}}}收益",
        "保本(?=.*收益)",
        "(?<!不)(稳|包)+赚",
        "(?>保本+)",
        "保本*?收益",
        "保本++",
        "(保本|(稳赚)*呀)",
    ],
)
def test_a_repeat_without_bound_or_above_it_is_refused_wherever_it_hides(pattern: str) -> None:
    with pytest.raises(PolicyError, match="重复次数"):
        compile_pattern(pattern, PLAIN)


@pytest.mark.parametrize("pattern", ["(保{1,60}){1,60}本", "((保{1,4}稳){1,4}赚){1,4}", "(?:保|(?:稳.{0,20}赚)){2,3}"])
def test_repeats_inside_repeats_that_multiply_are_refused(pattern: str) -> None:
    with pytest.raises(PolicyError, match="重复之中又重复"):
        compile_pattern(pattern, PLAIN)


def test_an_option_or_a_short_list_inside_a_repeat_is_accepted() -> None:
    assert matches("(都?赚(、)?){1,9}呀", "都赚、赚呀")
    assert matches("(、.{1,6}){0,4}都行", "、存款、基金都行")


@pytest.mark.parametrize("pattern", ["(保本|稳赚", "[保本", "保本)", "(?P<x>保)(?P=x)", "(保)\\1"])
def test_what_does_not_parse_or_refers_back_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyError):
        compile_pattern(pattern, PLAIN)


@pytest.mark.parametrize("pattern", ["", "(保本)?", "不?", "保{0,3}", "(保本|)"])
def test_a_pattern_that_matches_nothing_at_all_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyError, match="空文本"):
        compile_pattern(pattern, PLAIN)


def test_the_longest_bounded_gap_is_accepted() -> None:
    assert matches(f"保本.{{0,{MAX_GAP}}}收益", "保本" + "的" * MAX_GAP + "收益")
    assert not matches(f"保本.{{0,{MAX_GAP}}}收益", "保本" + "的" * (MAX_GAP + 1) + "收益")


@pytest.mark.parametrize("end", ["。", "！", "？"])
def test_a_dot_never_crosses_the_end_of_a_sentence(end: str) -> None:
    assert matches("保本.{0,9}收益", "保本的高收益")
    assert not matches("保本.{0,9}收益", f"保本{end}收益")


@pytest.mark.parametrize("text", ["保證收益ABC", "保证收益ＡＢＣ", "保证收益abc"])
def test_traditional_full_width_and_upper_case_text_is_met_by_a_plain_pattern(text: str) -> None:
    assert matches("保证收益abc", text)
    assert matches("保證收益ＡＢＣ", text)


def test_classes_may_use_classes_and_longer_words_win() -> None:
    lexicon = {"promise": ("保证", "{sure}能"), "sure": ("肯定", "一定")}
    assert all(matches("{promise}赚", text, **lexicon) for text in ("保证赚", "肯定能赚", "一定能赚"))
    assert not matches("{promise}赚", "能赚", **lexicon)
    found = compile_pattern("{word}", Lexicon({"word": ("保", "保本")})).exact.search("保本息")
    assert found is not None
    assert found[0] == "保本"


@pytest.mark.parametrize(("pattern", "classes"), [("{none}", {}), ("{a}", {"a": ("{b}",), "b": ("{a}",)})])
def test_an_unknown_or_circular_class_is_named(pattern: str, classes: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(PolicyError, match="词类"):
        compile_pattern(pattern, Lexicon(classes))


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("a|b", ["a", "b"]),
        ("(a|b)", ["a", "b"]),
        ("(?:a|(b|c))", ["a", "b", "c"]),
        ("(a|b)c", ["(a|b)c"]),
        ("(a)|(b)", ["(a)", "(b)"]),
        ("[|]x|y", ["[|]x", "y"]),
        (r"a\|b", [r"a\|b"]),
        ("(?!a|b)c", ["(?!a|b)c"]),
    ],
)
def test_alternatives_are_split_only_where_the_whole_is_a_choice(expression: str, parts: list[str]) -> None:
    assert alternatives(expression) == parts
