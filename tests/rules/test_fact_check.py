"""What an agent said against a fact of the call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kb.policies import read_pack, shipped_directory
from xiaobao.domain import Transcript
from xiaobao.rules.arithmetic import bind
from xiaobao.rules.view import CallView, fold_turns

AXES = {
    "charge": {"yes": ["要收", "收[0-9.]+%"], "no": ["不收", "免收"]},
    "need": {"topic": "own", "yes": ["须", "必须"], "no": ["不用", "无需"]},
    "speed": {"topic": "any", "undivided": True, "yes": ["实时"], "no": [], "fact_no": [r"t\+[1-9]"]},
}
ATTRIBUTES = {"年化": ["年化"], "违约金": ["违约金"], "上限": ["上限", "最多"]}


def view(fact: Any, *turns: str, started_at: datetime | None = None) -> CallView:
    speakers = {"客": "customer", "坐": "agent"}
    transcript = Transcript.model_validate(
        {
            "call_id": "t",
            "channel": "phone",
            "business": "service",
            "direction": "inbound",
            "started_at": started_at,
            "agent": {"id": "a"},
            "customer": {"id": "c"},
            "context": {"kb_fact": fact} if fact is not None else {},
            "turns": [{"speaker": speakers[turn[0]], "text": turn[2:]} for turn in turns],
        }
    )
    return CallView(transcript, fold_turns(transcript), {})


def judge(fact: Any, *turns: str, **params: Any) -> bool | None:
    run = bind("contradicts_fact", {"facts": ["context.kb_fact"], "axes": AXES, "attributes": ATTRIBUTES, **params})
    return run(view(fact, *turns)).state


def test_without_the_fact_nothing_is_claimed() -> None:
    assert judge(None, "坐：提前还款要收违约金") is None


def test_the_opposite_side_on_the_same_topic_is_a_contradiction() -> None:
    assert judge("提前还款不收违约金", "客：提前还款要钱吗", "坐：要收的") is True


def test_the_same_side_is_none() -> None:
    assert judge("提前还款不收违约金", "客：提前还款要钱吗", "坐：提前还款不收违约金") is False


def test_another_topic_is_none() -> None:
    assert judge("提前还款不收违约金", "坐：补卡要收工本费") is False


def test_a_question_claims_nothing() -> None:
    assert judge("提前还款不收违约金", "坐：您是问提前还款要收违约金吗？") is False


def test_a_turn_that_takes_both_sides_is_none() -> None:
    assert judge("提前还款不收违约金", "坐：提前还款不收违约金，逾期才要收") is False


def test_a_denial_that_needs_its_own_words_is_not_lent_a_topic_by_the_question() -> None:
    assert judge("密码重置须到网点", "客：密码重置要去网点吗", "坐：取号就不用了") is False
    assert judge("密码重置须到网点", "客：怎么弄", "坐：不用跑网点") is True


def test_a_fact_that_is_divided_on_an_undivided_axis_says_nothing() -> None:
    assert judge("普通赎回T+1到账；快赎实时到账", "坐：实时到的") is False
    assert judge("赎回T+1到账", "坐：实时到的") is True


@pytest.mark.parametrize(("said", "state"), [("年化十四点二", False), ("年化七点九二", True), ("年化大概七个点", True)])
def test_an_amount_is_held_against_the_fact_s(said: str, state: bool) -> None:
    assert judge("近似年化利率14.2%", f"坐：{said}") is state


def test_an_amount_of_another_attribute_is_not_compared() -> None:
    assert judge("近似年化利率14.2%", "坐：违约金百分之三") is False


def test_amounts_beside_the_fact_s_own_are_examples() -> None:
    assert judge("违约金3%", "坐：违约金百分之三，您还六万的话违约金一千八百元") is False


def test_the_question_names_the_attribute_of_a_bare_answer() -> None:
    assert judge("单日取现上限10000元", "客：一天最多取多少", "坐：两万") is True


def test_only_denials_and_lower_amounts_count_where_understatement_is_asked_for() -> None:
    assert judge("年化18%", "坐：年化二十四个点", understated_only=True) is False
    assert judge("年化18%", "坐：年化七个点", understated_only=True) is True
    assert judge("年化18%", "坐：年化十七点五", understated_only=True, tolerance=0.1) is False


def test_a_mapping_is_read_field_by_field() -> None:
    assert judge({"年化": "18%", "违约金": "3%"}, "坐：年化三个点", understated_only=True) is False
    assert judge({"年化": "18%", "违约金": "3%"}, "坐：年化五个点", understated_only=True) is True


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        ("2026-03-01 至 2026-03-31 17:00", True),
        ("4月2日结束", True),
        ("2026-06-30", False),
        ("2026-03-30", False),
        ("长期", False),
        (None, False),
    ],
)
def test_a_deadline_is_near_if_its_last_date_is(fact: str | None, state: bool) -> None:
    call = view(fact, "坐：您好", started_at=datetime(2026, 3, 31, 2, tzinfo=UTC))
    assert bind("date_within", {"facts": ["context.kb_fact"], "days": 2})(call).state is state


def test_the_shipped_rules_for_wrong_answers_use_the_check() -> None:
    rules = {rule.id: rule for rule in read_pack([shipped_directory()]).rules}
    for rule_id in ("sales.contradicts-knowledge", "sales.amount-differs-from-knowledge"):
        assert getattr(rules[rule_id].detect, "compute", "") == "contradicts_fact"
