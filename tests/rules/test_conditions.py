"""Every operator of docs/rules.md, fired and silent."""

from __future__ import annotations

import pytest

from tests.rules.packs import call, judge, pack, turns
from xiaobao.errors import PolicyError
from xiaobao.rules.engine import RuleSet


def detect(condition, **more):
    return {"detect": condition, **more}


def test_say_matches_only_the_party_it_names() -> None:
    rule = detect({"say": ["保本"]})
    assert judge(call("客户：是保本的吗", "客服：您好"), rule).state == "clear"
    assert turns(judge(call("客户：您好", "客服：这个保本"), rule)) == [1]


def test_text_is_folded_before_matching_and_hits_map_back_to_raw() -> None:
    rules = RuleSet(pack(detect({"say": ["保证.{0,4}a款不亏"]})))
    view, verdicts = rules.judge(call("客服：這個 保 證 Ａ款 不虧，放心"))
    quote = view.quote(verdicts[0].hits[0])
    assert quote.text == "這個 保 證 Ａ款 不虧"


def test_a_gap_never_crosses_a_sentence_end() -> None:
    rule = detect({"say": ["保证.{0,10}不亏"]})
    assert judge(call("客服：我保证服务好。这个可能不亏"), rule).state == "clear"
    assert judge(call("客服：我保证这个绝对不亏"), rule).state == "hit"


@pytest.mark.parametrize(
    "text",
    ["我们不能承诺保本", "您说的保本是误解", "要是有人保本您要小心", "谨防保本骗局"],
    ids=["negation", "quotation", "hypothesis", "warning"],
)
def test_each_default_guard_voids_its_context(text: str) -> None:
    assert judge(call(f"客服：{text}"), detect({"say": ["保本"]})).state == "clear"
    assert judge(call(f"客服：{text}"), detect({"say": ["保本"]}, guards=[])).state == "hit"


def test_a_guard_does_not_reach_into_the_next_sentence() -> None:
    assert judge(call("客服：我们不能承诺收益。本金这块保本"), detect({"say": ["保本"]})).state == "hit"


def test_unless_voids_in_the_sentence_and_unless_turn_in_the_turn() -> None:
    rule = detect({"say": ["没有手续费"], "unless": ["活动期"], "guards": []})
    assert judge(call("客服：活动期没有手续费"), rule).state == "clear"
    assert judge(call("客服：活动期很短。没有手续费"), rule).state == "hit"
    whole = detect({"say": ["没有手续费"], "unless_turn": ["活动期"], "guards": []})
    assert judge(call("客服：活动期很短。没有手续费"), whole).state == "clear"


def test_at_least_counts_different_turns() -> None:
    rule = detect({"say": ["再考虑"], "at_least": 2})
    assert judge(call("客服：再考虑再考虑", "客户：不要"), rule).state == "clear"
    assert turns(judge(call("客服：再考虑", "客户：不要", "客服：再考虑一下"), rule)) == [0, 2]


def test_near_needs_every_group_close_by_in_one_turn() -> None:
    rule = detect({"near": [["孩子"], ["学校", "放学"]], "chars": 6})
    assert judge(call("客服：你孩子几点放学我知道"), rule).state == "hit"
    assert judge(call("客服：你孩子很好，我们单位旁边有一所很大的学校"), rule).state == "clear"
    ordered = detect({"near": [["孩子"], ["放学"]], "chars": 6, "ordered": True})
    assert judge(call("客服：放学接孩子"), ordered).state == "clear"


def test_windows_count_turns_of_the_party_or_seconds() -> None:
    greeting = call("客户：喂", "客服：您好", "客户：嗯", "客服：有事", "客服：您好")
    assert turns(judge(greeting, detect({"say": ["您好"], "window": {"first_turns": 1}}))) == [1]
    assert turns(judge(greeting, detect({"say": ["您好"], "window": {"last_turns": 1}}))) == [4]
    assert turns(judge(greeting, detect({"say": ["您好"], "window": {"first_s": 15}}))) == [1]
    assert turns(judge(greeting, detect({"say": ["您好"], "window": {"last_s": 5}}))) == [4]


def test_boolean_operators_compose() -> None:
    both = detect({"all": [{"say": ["甲"]}, {"say": ["乙"]}]})
    assert judge(call("客服：甲", "客服：乙"), both).state == "hit"
    assert judge(call("客服：甲", "客服：丙"), both).state == "clear"
    close = detect({"all": [{"say": ["甲"]}, {"say": ["乙"]}], "within_turns": 0})
    assert judge(call("客服：甲", "客服：乙"), close).state == "clear"
    assert judge(call("客服：甲和乙"), close).state == "hit"
    two = detect({"n_of": 2, "conditions": [{"say": ["甲"]}, {"say": ["乙"]}, {"say": ["丙"]}]})
    assert judge(call("客服：甲", "客服：丙"), two).state == "hit"
    assert judge(call("客服：甲"), two).state == "clear"
    lone = detect({"all": [{"say": ["甲"]}, {"none_of": [{"say": ["乙"], "by": "customer"}]}]})
    assert judge(call("客服：甲", "客户：乙"), lone).state == "clear"
    assert judge(call("客服：甲", "客户：丙"), lone).state == "hit"


def test_sequence_keeps_order_distance_and_chosen_evidence() -> None:
    rule = detect({"first": {"say": ["会亏吗"], "by": "customer"}, "then": {"say": ["放心"]}, "within_turns": 2})
    assert turns(judge(call("客户：会亏吗", "客服：放心"), rule)) == [1]
    assert judge(call("客服：放心", "客户：会亏吗"), rule).state == "clear"
    assert judge(call("客户：会亏吗", "客服：嗯", "客户：嗯", "客服：放心"), rule).state == "clear"


def test_without_keeps_only_what_was_not_preceded() -> None:
    rule = detect({"find": {"say": ["下单"]}, "without": {"say": ["有风险"], "guards": []}, "side": "before"})
    assert judge(call("客服：有风险", "客服：下单"), rule).state == "clear"
    assert turns(judge(call("客服：下单", "客服：有风险"), rule)) == [0]


def test_a_missing_fact_is_unknown_and_the_rule_not_applicable() -> None:
    rule = detect({"say": ["推荐"]}, applies={"fact": "context.contacts_today", "gt": 3})
    assert judge(call("客服：推荐"), rule).state == "not_applicable"
    assert "context.contacts_today" in judge(call("客服：推荐"), rule).reason
    assert judge(call("客服：推荐", context={"contacts_today": 4}), rule).state == "hit"
    assert judge(call("客服：推荐", context={"contacts_today": 3}), rule).state == "not_applicable"


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"eq": "self"}, "self", True),
        ({"ne": "self"}, "self", False),
        ({"in": ["a", "b"]}, "b", True),
        ({"not_in": ["a"]}, "a", False),
        ({"ge": 2, "lt": 5}, "4", True),
        ({"gt": 2}, "很多", False),
        ({"truthy": True}, "passed", True),
        ({"truthy": True}, "skipped", False),
        ({"exists": True}, 0, True),
        ({"matches": "净值型"}, "凈值型理財", True),
    ],
)
def test_fact_tests(test: dict, value: object, holds: bool) -> None:
    rule = detect({"say": ["推荐"]}, applies={"fact": "context.x", **test})
    assert (judge(call("客服：推荐", context={"x": value}), rule).state == "hit") is holds


def test_absent_is_not_truthy() -> None:
    rule = detect({"say": ["推荐"]}, applies={"fact": "context.x", "truthy": False})
    assert judge(call("客服：推荐"), rule).state == "hit"


def test_an_act_is_shared_and_takes_a_window() -> None:
    rule = detect({"act": "greeting", "window": {"first_turns": 1}})
    acts = {"greeting": {"say": ["您好"]}}
    assert judge(call("客服：有事", "客服：您好"), rule, acts=acts).state == "clear"
    assert judge(call("客服：您好"), rule, acts=acts).state == "hit"


def test_scope_leaves_other_businesses_alone() -> None:
    rule = detect({"say": ["保本"]}, business=["insurance"])
    assert judge(call("客服：保本"), rule).state == "not_applicable"
    assert judge(call("客服：保本", business="insurance"), rule).state == "hit"


def test_a_rule_speaks_only_while_in_force() -> None:
    rule = detect({"say": ["保本"]}, effective="2026-07-01")
    assert judge(call("客服：保本"), rule).state == "not_applicable"
    assert judge(call("客服：保本", started_at="2026-07-02T10:00:00+08:00"), rule).state == "hit"


def test_a_commission_without_words_to_quote_is_not_a_violation() -> None:
    rule = detect({"say": ["保本"], "by": "customer"}, guards=[])
    verdict = judge(call("客户：是保本的"), rule)
    assert verdict.state == "unknown"
    assert verdict.hits == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (detect({"say": ["{no_such}"]}), "未知词类"),
        (detect({"act": "no_such"}), "未知话语行为"),
        (detect({"say": ["a+"]}), "无上限"),
        (detect({"say": ["a{0,99}b"]}), "60"),
        (detect({"say": ["(a"]}), "无法解析"),
        (detect({"say": ["a?"]}), "空文本"),
        (detect({"compute": "no_such"}), "未知计算"),
        (detect({"say": ["a"], "guards": ["question"]}), "未知排除语境"),
        (detect({"say": ["a"]}, category="no_such"), "未知类别"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(rule: dict, words: str) -> None:
    with pytest.raises(PolicyError, match=words) as info:
        RuleSet(pack(rule))
    assert "t.rule-0" in str(info.value)


def test_circular_word_classes_and_acts_are_refused() -> None:
    with pytest.raises(PolicyError, match="引用了自身"):
        RuleSet(pack(detect({"say": ["{a}"]}), lexicon={"a": ["{b}"], "b": ["{a}"]}))
    with pytest.raises(PolicyError, match="引用了自身"):
        RuleSet(pack(detect({"act": "x"}), acts={"x": {"any": [{"act": "x"}]}}))


def test_rule_ids_are_unique() -> None:
    with pytest.raises(PolicyError, match="重复"):
        RuleSet(pack(detect({"say": ["a"]}, id="t.x"), detect({"say": ["b"]}, id="t.x")))
