"""The run-time proofs of a finding: what each accepts, what each refuses, and what a refusal does."""

from __future__ import annotations

import pytest

from tests.findings import citation, finding, quote
from tests.rules.packs import call
from xiaobao import checks
from xiaobao.domain import Check, Outcome

CALL = call("客户：会亏吗", "客服：放心，稳赚不赔的", "第三人：我也听到了", "系统：本次通话将被录音")


def test_a_quote_is_verbatim_at_its_offsets() -> None:
    assert checks.quote_verbatim(CALL, [quote(1, "稳赚不赔", 3)], needed=True).passed


@pytest.mark.parametrize(
    "wrong",
    [quote(1, "稳赚不赔", 2), quote(1, "稳赚不陪", 3), quote(0, "稳赚不赔", 3), quote(9, "稳赚不赔", 3)],
    ids=["other place", "other word", "other turn", "no such turn"],
)
def test_a_quote_that_stands_elsewhere_or_nowhere_fails(wrong) -> None:
    check = checks.quote_verbatim(CALL, [quote(1, "稳赚不赔", 3), wrong], needed=True)
    assert not check.passed
    assert f"第 {wrong.turn} 轮" in check.detail


def test_no_quote_fails_only_where_one_is_needed() -> None:
    assert not checks.quote_verbatim(CALL, [], needed=True).passed
    assert checks.quote_verbatim(CALL, [], needed=False).passed


@pytest.mark.parametrize(
    ("turns", "party", "passes"),
    [
        ([1], "agent", True),
        ([0, 1], "agent", False),
        ([0, 2], "callee", True),
        ([2], "customer", False),
        ([1, 3], "institution", True),
        ([3], "agent", False),
        ([0, 1, 2, 3], "anyone", True),
        ([4], "anyone", False),
        ([], "agent", True),
    ],
)
def test_evidence_turns_belong_to_the_party_the_rule_binds(turns, party, passes) -> None:
    assert checks.speaker_bound(CALL, turns, party).passed is passes


def test_a_citation_must_exist_and_belong_to_the_rule() -> None:
    assert checks.clause_of_rule([citation("a#1")], ["a#1", "a#2"]).passed
    assert not checks.clause_of_rule([], ["a#1"]).passed
    foreign = checks.clause_of_rule([citation("a#1"), citation("b#9")], ["a#1"])
    assert not foreign.passed
    assert "b#9" in foreign.detail
    assert "a#1" not in foreign.detail


def test_every_citation_must_be_in_force_on_the_day() -> None:
    assert checks.clause_in_force([citation("a#1")]).passed
    late = checks.clause_in_force([citation("a#1"), citation("a#2", in_force=False)])
    assert not late.passed
    assert "a#2" in late.detail
    assert not checks.clause_in_force([]).passed


def test_disagreement_is_shown_with_both_outcomes() -> None:
    assert checks.judges_agree(Outcome.VIOLATED, Outcome.VIOLATED).passed
    apart = checks.judges_agree(Outcome.VIOLATED, Outcome.COMPLIANT)
    assert not apart.passed
    assert "违规" in apart.detail
    assert "合规" in apart.detail


@pytest.mark.parametrize(
    ("bad", "detail"),
    [(checks.model_answered("模型未在时限内回答"), "模型未在时限内回答"), (checks.untampered(["控制符"]), "控制符")],
)
def test_a_silent_model_and_a_steered_one_fail_with_their_reason(bad: Check, detail: str) -> None:
    assert (bad.passed, bad.detail) == (False, detail)
    assert checks.model_answered(None).passed
    assert checks.untampered([]).passed


@pytest.mark.parametrize("outcome", [Outcome.VIOLATED, Outcome.COMPLIANT, Outcome.NOT_APPLICABLE])
def test_a_failed_check_makes_any_verdict_undetermined_and_says_why(outcome: Outcome) -> None:
    failed = Check(name="speaker_bound", passed=False, detail="第 2 轮不是规则所约束的一方说的")
    bare = Check(name="untampered", passed=False)
    settled = checks.settle(finding("rude_service", outcome), [checks.PASSED_QUOTES, failed, bare])
    assert settled.outcome is Outcome.UNDETERMINED
    assert settled.undetermined_reason == "第 2 轮不是规则所约束的一方说的；untampered"
    assert settled.checks == (checks.PASSED_QUOTES, failed, bare)


def test_passed_checks_leave_the_outcome() -> None:
    settled = checks.settle(finding("rude_service"), [checks.PASSED_QUOTES, checks.PASSED_CLAUSE])
    assert settled.outcome is Outcome.VIOLATED
    assert settled.undetermined_reason is None
    assert len(settled.checks) == 2


def test_an_undetermined_finding_keeps_its_own_reason() -> None:
    before = finding("rude_service", Outcome.UNDETERMINED, undetermined_reason="只作初筛")
    settled = checks.settle(before, [Check(name="untampered", passed=False, detail="x")])
    assert settled.undetermined_reason == "只作初筛"
