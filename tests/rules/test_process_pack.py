"""The process pack on whole calls that none of its rules' own examples uses."""

from __future__ import annotations

from typing import Any

import pytest

from kb.policies import load_pack
from tests.rules.packs import call
from xiaobao.domain.rule import Fact
from xiaobao.rules.arithmetic import bind
from xiaobao.rules.compiler import Compiler
from xiaobao.rules.engine import RuleSet

OMISSIONS = {
    "identity_not_stated",
    "process_order",
    "identity_check_missing",
    "missing_courtesy",
    "recording_notice_missing",
    "no_soothing",
    "risk_disclosure_missing",
}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    pack = load_pack()
    return RuleSet(pack.model_copy(update={"rules": tuple(r for r in pack.rules if r.category in OMISSIONS)}))


def flagged(rules: RuleSet, *lines: str, **fields: Any) -> set[str]:
    _, verdicts = rules.judge(call(*lines, **fields), every_rule=True)
    return {v.rule.spec.category or "" for v in verdicts if v.state == "hit"}


COLLECTION = {"business": "collections", "context": {"callee_relation": "self"}}
CLEAN = (
    "客服：您好，请问是郑海燕女士吗",
    "客户：嗯，我是",
    "客服：您好，我是鑫隆消费金融的，您五号应还一千三百五，今天逾期第七天，会有罚息，征信如实上报，今天能处理吗",
    "客户：晚上还",
    "客服：好的，谢谢配合，再见",
)


def test_a_collection_call_in_order_is_not_flagged(rules: RuleSet) -> None:
    assert flagged(rules, *CLEAN, **COLLECTION) == set()


def test_consequence_before_the_debt_is_out_of_order(rules: RuleSet) -> None:
    lines = (
        *CLEAN[:2],
        "客服：我是鑫隆消费金融的，您再不处理征信就黑了，罚息天天滚",
        "客户：多少钱",
        "客服：一千三百五，逾期第七天，今天能处理吗",
        "客户：晚上还",
        "客服：好的，谢谢，再见",
    )
    assert flagged(rules, *lines, **COLLECTION) == {"process_order"}


def test_what_do_you_want_is_no_confirmation_of_identity(rules: RuleSet) -> None:
    assert "identity_check_missing" in flagged(rules, CLEAN[0], "客户：什么事你说", *CLEAN[2:], **COLLECTION)


def test_naming_only_the_department_does_not_state_the_institution(rules: RuleSet) -> None:
    lines = (*CLEAN[:2], CLEAN[2].replace("鑫隆消费金融", "贷后部"), *CLEAN[3:])
    assert "identity_not_stated" in flagged(rules, *lines, **COLLECTION)


@pytest.mark.parametrize(("notice_first", "expected"), [(True, set()), (False, {"recording_notice_missing"})])
def test_a_recording_notice_counts_only_before_the_substance(
    rules: RuleSet, notice_first: bool, expected: set[str]
) -> None:
    notice = "客服：您好，通话会录音"
    pitch = "客服：您好，这款年化三点二，一万起"
    lines = (notice, "客户：嗯", pitch) if notice_first else (pitch, "客户：嗯", notice)
    context = {"recording_notice_required": True}
    assert flagged(rules, *lines, "客户：再说吧", "客服：好的，再见", context=context) == expected


@pytest.mark.parametrize(
    ("answer", "expected"), [("客户：幺幺三六", set()), ("客户：我叫周丽", {"identity_check_missing"})]
)
def test_inbound_needs_a_factor_besides_the_name(rules: RuleSet, answer: str, expected: set[str]) -> None:
    lines = ("客服：您好，中泰银行信用卡", "客户：这个月要还多少", "客服：请核对一下身份", answer)
    told = "客服：您本期应还四千三百二十一块五"
    scope = {"business": "credit_card", "direction": "inbound"}
    assert flagged(rules, *lines, told, "客户：好", "客服：再见", **scope) == expected


@pytest.mark.parametrize(
    ("reply", "expected"), [("客服：这是规定", {"no_soothing"}), ("客服：让您着急了，实在抱歉", set())]
)
def test_an_angry_customer_must_be_soothed(rules: RuleSet, reply: str, expected: set[str]) -> None:
    lines = ("客服：您好", "客户：钱又没到，我气死了", reply, "客户：哼", "客服：感谢来电，再见")
    scope = {"business": "service", "direction": "inbound", "context": {"identity_verified": True}}
    assert flagged(rules, *lines, **scope) == expected


@pytest.mark.parametrize(
    ("warned", "expected"), [("这款中等风险，可能会亏，", set()), ("这款卖得好，", {"risk_disclosure_missing"})]
)
def test_risk_must_be_told_before_the_order(rules: RuleSet, warned: str, expected: set[str]) -> None:
    lines = ("客服：您好，有款混合基金，" + warned + "您看看", "客户：行，那我买五万", "客服：手机银行搜启航混合，再见")
    assert flagged(rules, *lines, context={"product": "启航混合", "product_risk": "R3"}) == expected


def test_spoken_turns_counts_the_turns_of_one_party(rules: RuleSet) -> None:
    view = rules.view(call("客服：您好", "客户：嗯", "客服：好的"))
    assert bind("spoken_turns", {"party": "agent", "at_least": 2})(view).state is True
    assert bind("spoken_turns", {"party": "callee", "at_least": 2})(view).state is False


@pytest.mark.parametrize(("auth", "expected"), [({"auth": "guest"}, True), ({"auth": "app_login"}, False), ({}, False)])
def test_a_fact_may_be_asked_to_exist_and_to_match(rules: RuleSet, auth: dict[str, str], expected: bool) -> None:
    fact = Fact(fact="context.auth", exists=True, matches="guest")
    node = Compiler(load_pack()).compile(fact, party="agent", guards=())
    assert node.evaluate(rules.view(call("客服：您好", context=auth))).state is expected
