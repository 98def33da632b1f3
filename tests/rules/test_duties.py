"""Omissions, processes and arithmetic, with their proofs."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.rules.packs import call, judge, pack
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.view import PastContact

OMISSION = {
    "category": "risk_disclosure_missing",
    "omission": {
        "due": {"say": ["下单"]},
        "required": {"say": ["有风险", "不保本"], "guards": []},
        "place": "客户下单之前",
        "searched_for": "风险提示：不保本、有风险",
    },
}


def test_an_omission_says_where_it_was_due_what_was_searched_and_what_came_nearest() -> None:
    verdict = judge(call("客服：您好", "客服：这个风险提示单您看", "客服：点这里下单", "客服：哦对了有风险"), OMISSION)
    assert verdict.state == "hit"
    assert verdict.hits == ()
    assert verdict.omission is not None
    assert verdict.omission.due_turn == 2
    assert verdict.omission.searched == (0, 3)
    assert verdict.omission.nearest is not None
    assert verdict.omission.nearest.turn == 3, "said too late is the nearest thing there is"


def test_an_omission_is_silent_when_fulfilled_in_time_or_never_due() -> None:
    assert judge(call("客服：有风险", "客服：下单"), OMISSION).state == "clear"
    assert judge(call("客服：有风险，您下单"), OMISSION).state == "clear"
    assert judge(call("客服：您好"), OMISSION).state == "not_applicable"


FLOW = {
    "category": "process_order",
    "flow": {
        "interrupt": {"say": ["先挂了"], "by": "customer"},
        "steps": [
            {"step": "verify", "zh": "核身", "done": {"say": ["是本人"], "by": "customer"}, "required": False},
            {"step": "debt", "zh": "欠款说明", "done": {"say": ["欠款"]}, "after": ["verify"]},
            {"step": "plan", "zh": "协商", "done": {"say": ["哪天还"]}, "after": ["debt"]},
        ],
    },
}


def states(verdict) -> dict[str, str]:
    return {step.step: step.state for step in verdict.steps}


def test_a_process_names_missing_and_misplaced_steps_with_their_turns() -> None:
    verdict = judge(call("客服：您的欠款", "客户：是本人", "客服：再见"), FLOW)
    assert verdict.state == "hit"
    assert states(verdict) == {"verify": "done", "debt": "out_of_order", "plan": "missing"}
    assert [step.turn for step in verdict.steps] == [1, 0, None]
    assert "「欠款说明」早于「核身」" in verdict.reason


def test_an_interrupt_ends_the_duty_but_not_the_order() -> None:
    assert states(judge(call("客户：是本人", "客服：欠款", "客户：先挂了"), FLOW))["plan"] == "not_required"
    assert judge(call("客户：是本人", "客服：欠款", "客户：先挂了"), FLOW).state == "clear"
    assert judge(call("客服：欠款", "客户：是本人", "客户：先挂了"), FLOW).state == "hit"


def test_a_missing_prerequisite_is_not_also_a_wrong_order() -> None:
    assert states(judge(call("客服：欠款", "客服：哪天还"), FLOW))["debt"] == "done"


HOURS = {
    "category": "contact_time_frequency",
    "detect": {"compute": "outside_contact_hours", "params": {"from": "08:00", "to": "22:00"}},
}


@pytest.mark.parametrize(
    ("started", "zone", "state"),
    [
        ("2026-06-15T07:59:59+08:00", None, "hit"),
        ("2026-06-15T08:00:00+08:00", None, "clear"),
        ("2026-06-15T21:59:59+08:00", None, "clear"),
        ("2026-06-15T22:00:00+08:00", None, "hit"),
        ("2026-06-15T00:30:00Z", None, "clear"),
        ("2026-06-15T22:30:00+08:00", "Asia/Urumqi", "clear"),
        ("2026-06-15T21:30:00+08:00", "Asia/Tokyo", "hit"),
        ("2026-06-15T12:00:00+08:00", "No/Such", "not_applicable"),
    ],
)
def test_contact_hours_are_those_of_the_person_called(started: str, zone: str | None, state: str) -> None:
    context = {"local_tz": zone} if zone else {}
    verdict = judge(call("客服：您好", started_at=started, context=context), HOURS)
    assert verdict.state == state
    if state == "hit":
        assert [hit.turn for hit in verdict.hits] == [0]


FREQUENCY = {"category": "contact_time_frequency", "detect": {"compute": "contacts_in_day", "params": {"limit": 3}}}


@pytest.mark.parametrize(("stated", "state"), [(3, "clear"), (4, "hit"), ("5", "hit")])
def test_stated_contacts_decide(stated: object, state: str) -> None:
    assert judge(call("客服：您好", context={"contacts_today": stated}), FREQUENCY).state == state


def test_contacts_are_counted_over_stored_calls_of_the_same_local_day() -> None:
    rules = RuleSet(pack(FREQUENCY))
    now = call("客服：您好", call_id="now", started_at="2026-06-15T15:00:00+08:00")

    def past(hour: int, *, day: int = 15, outbound: bool = True, call_id: str = "") -> PastContact:
        at = datetime.fromisoformat(f"2026-06-{day}T{hour:02d}:00:00+08:00")
        return PastContact(call_id or f"p{day}-{hour}", at, outbound)

    three = [past(9), past(10), past(11)]
    _, verdicts = rules.judge(now, history=three)
    assert "第 4 次" in verdicts[0].reason
    for fewer in (
        three[:2],
        [*three[:2], past(11, day=14)],
        [*three[:2], past(16)],
        [*three[:2], past(11, outbound=False)],
        [*three[:2], past(11, call_id="now")],
    ):
        assert rules.judge(now, history=fewer)[1] == []


def test_risk_levels_are_compared_by_number_and_unknown_is_not_guessed() -> None:
    rule = {
        "category": "suitability_breach",
        "applies": {"compute": "product_above_customer_risk"},
        "detect": {"say": ["推荐"]},
    }
    customer = {"id": "U", "risk_level": "C2"}
    assert judge(call("客服：推荐", customer=customer, context={"product_risk": "R4"}), rule).state == "hit"
    assert judge(call("客服：推荐", customer=customer, context={"product_risk": "R2"}), rule).state == "not_applicable"
    assert judge(call("客服：推荐", context={"product_risk": "R4"}), rule).state == "not_applicable"
