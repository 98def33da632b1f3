"""What metadata decides by calculation. A model never does arithmetic; a missing fact makes the answer unknown.

Each calculation is registered by name and asked for by a rule:
`{compute: outside_contact_hours, params: {from: "08:00", to: "22:00"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from xiaobao.domain import Direction, Speaker
from xiaobao.domain.rule import PARTIES
from xiaobao.errors import PolicyError
from xiaobao.rules.conditions import FALSE, Truth
from xiaobao.rules.fact_check import find_contradictions
from xiaobao.rules.view import CallView, Hit

DEFAULT_ZONE = "Asia/Shanghai"
AGE_FACTS = ("context.callee_age", "customer.age_band", "customer.age", "context.age_band", "context.customer_age")
"""Where platforms put an age; a callee who is not the customer comes first."""
Calculation = Callable[[CallView, Mapping[str, Any]], Truth]
CALCULATIONS: dict[str, Calculation] = {}


def calculation(name: str) -> Callable[[Calculation], Calculation]:
    def register(function: Calculation) -> Calculation:
        CALCULATIONS[name] = function
        return function

    return register


def bind(name: str, params: Mapping[str, Any]) -> Callable[[CallView], Truth]:
    """The calculation `name` with its parameters.

    Raises:
        PolicyError: no such calculation.
    """
    if name not in CALCULATIONS:
        raise PolicyError(f"未知计算 {name!r}，可用：{'、'.join(sorted(CALCULATIONS))}")
    function = CALCULATIONS[name]
    return lambda view: function(view, params)


def first_agent_turn(view: CallView) -> tuple[Hit, ...]:
    """The contact itself: the whole first turn of the agent that says anything."""
    for turn, speaker in enumerate(view.speakers):
        if speaker is Speaker.AGENT and view.texts[turn]:
            return (Hit(turn, 0, len(view.texts[turn])),)
    return ()


def local_start(view: CallView) -> datetime | None:
    """Start of the call on the clock of the person called (`context.local_tz`, else Asia/Shanghai)."""
    started = view.transcript.started_at
    if started is None:
        return None
    zone = view.fact("context.local_tz") or DEFAULT_ZONE
    try:
        return started.astimezone(ZoneInfo(str(zone)))
    except (ZoneInfoNotFoundError, ValueError):
        return None


@calculation("outside_contact_hours")
def outside_contact_hours(view: CallView, params: Mapping[str, Any]) -> Truth:
    """The call began before `from` or at or after `to` (HH:MM, local clock)."""
    local = local_start(view)
    if local is None:
        return Truth(None, (), "缺少通话时间或时区无效")
    begin, end = time.fromisoformat(str(params["from"])), time.fromisoformat(str(params["to"]))
    if begin <= local.time() < end:
        return FALSE
    return Truth(True, first_agent_turn(view), f"当地时间 {local:%Y-%m-%d %H:%M}，不在 {begin:%H:%M}–{end:%H:%M} 之间")


@calculation("contacts_in_day")
def contacts_in_day(view: CallView, params: Mapping[str, Any]) -> Truth:
    """More than `limit` contacts on the local day, this one included.

    `context.contacts_today` decides where the platform sends it; else the stored outbound calls to the same customer
    that began earlier on the same local day are counted.
    """
    limit = int(params["limit"])
    stated = _number(view.fact("context.contacts_today"))
    if stated is not None:
        if stated <= limit:
            return FALSE
        return Truth(True, first_agent_turn(view), f"当日第 {stated:g} 次联系（含本次），上限 {limit} 次")
    local = local_start(view)
    if local is None or not view.history:
        return Truth(None, (), "缺少字段 context.contacts_today，且库中无同日记录")
    same_day = [
        past
        for past in view.history
        if past.outbound
        and past.call_id != view.transcript.call_id
        and past.started_at < local
        and past.started_at.astimezone(local.tzinfo).date() == local.date()
    ]
    count = len(same_day) + (view.transcript.direction is Direction.OUTBOUND)
    if count <= limit:
        return FALSE
    return Truth(True, first_agent_turn(view), f"库中同一客户当日第 {count} 次外呼（含本次），上限 {limit} 次")


@calculation("product_above_customer_risk")
def product_above_customer_risk(view: CallView, params: Mapping[str, Any]) -> Truth:
    """The product's risk level is above the customer's by `by` levels or more (default 1).

    Platforms put the customer's level in different places; the first that states one decides.
    """
    product = _first_level(view, "context.product_risk")
    customer = _first_level(view, "customer.risk_level", *_LEVEL_FIELDS)
    if product is None or customer is None:
        return Truth(None, (), "缺少产品风险等级或客户风险等级")
    if product - customer < int(params.get("by", 1)):
        return FALSE
    return Truth(True, (), f"产品 R{product} 高于客户 C{customer}")


@calculation("customer_age_at_least")
def customer_age_at_least(view: CallView, params: Mapping[str, Any]) -> Truth:
    """The lower bound of the age band (or the age) of whoever is on the line is at least `years`; see `AGE_FACTS`."""
    for path in AGE_FACTS:
        stated = view.fact(path)
        match = re.search(r"\d+", str(stated)) if stated is not None else None
        if match is not None:
            break
    else:
        return Truth(None, (), "缺少年龄段")
    if int(match.group()) < int(params["years"]):
        return FALSE
    return Truth(True, (), f"年龄段 {stated}")


@calculation("spoken_turns")
def spoken_turns(view: CallView, params: Mapping[str, Any]) -> Truth:
    """`party` (agent, customer, callee …) said something in at least `at_least` turns.

    Keeps duties that need a real exchange off calls that were dropped after a word or two.
    """
    speakers = PARTIES[str(params["party"])]
    spoken = sum(1 for speaker, text in zip(view.speakers, view.texts, strict=True) if speaker in speakers and text)
    return Truth(spoken >= int(params["at_least"]))


@calculation("contradicts_fact")
def contradicts_fact(view: CallView, params: Mapping[str, Any]) -> Truth:
    """An agent turn says the opposite of a fact of the call, or another amount; see `xiaobao.rules.fact_check`.

    `facts`: paths of the facts; `axes`: opposite sides; `attributes`: words that name what an amount is of.
    """
    found = find_contradictions(view, params)
    if found is None:
        return Truth(None, (), "缺少字段 " + "、".join(params["facts"]))
    if not found:
        return FALSE
    notes = dict.fromkeys(contradiction.note for contradiction in found)
    return Truth(True, tuple(sorted({contradiction.hit for contradiction in found})), "；".join(notes))


@calculation("date_within")
def date_within(view: CallView, params: Mapping[str, Any]) -> Truth:
    """The last date in one of `facts` lies 0 … `days` calendar days after the call (its own clock).

    False, not unknown, where no such fact is stated: the question is whether the metadata prove a deadline.
    """
    local = local_start(view)
    if local is None:
        return FALSE
    for text in (str(value) for path in params["facts"] if (value := view.fact(path)) is not None):
        days = [(day - local.date()).days for day in _dates(text, local.year)]
        if days and 0 <= max(days) <= int(params["days"]):
            return Truth(True, (), f"期限 {text}")
    return FALSE


def _dates(text: str, year: int) -> list[date]:
    """Dates written `2026-03-31`, `2026/3/31`, `2026年3月31日` or `3月31日` (of `year`)."""
    found: list[date] = []
    for match in re.finditer(r"(?:(\d{4})[-/年])?(\d{1,2})[-/月](\d{1,2})", text):
        try:
            found.append(date(int(match[1] or year), int(match[2]), int(match[3])))
        except ValueError:
            continue
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


_LEVEL_FIELDS = (
    "context.customer_risk_level",
    "context.customer_risk",
    "context.risk_assessment",
    "context.questionnaire_result",
)
# The five names of the usual questionnaire (保守…激进) and of product levels (低…高); longer names first.
_LEVEL_NAMES = {
    "中低风险": 2, "中高风险": 4, "中风险": 3, "低风险": 1, "高风险": 5,
    "保守": 1, "谨慎": 2, "稳健": 2, "平衡": 3, "成长": 4, "积极": 4, "进取": 5, "激进": 5,
}  # fmt: skip


def _first_level(view: CallView, *paths: str) -> int | None:
    return next((level for path in paths if (level := _level(view.fact(path))) is not None), None)


def _level(value: Any) -> int | None:
    """`R4`, `C2`, `4级`, `中高风险`, `保守型`, `2` → 1 … 5; None where there is none."""
    text = "" if value is None else str(value)
    match = re.search(r"[RCrc]([1-5])|([1-5])级|^\s*([1-5])\s*$", text)
    if match:
        return int(next(group for group in match.groups() if group))
    return next((level for name, level in _LEVEL_NAMES.items() if name in text), None)
