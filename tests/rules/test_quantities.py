"""Amounts as they are said and written in calls."""

from __future__ import annotations

import pytest

from xiaobao.rules.quantities import number_value, quantities
from xiaobao.rules.text import fold


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("一万二", 12000),
        ("二百六", 260),
        ("两千九百八", 2980),
        ("一千零二", 1002),
        ("十六", 16),
        ("零点六六", 0.66),
        ("5万", 50000),
        ("14.2", 14.2),
        ("三五万", None),
        ("二零二六", 2026),
        ("一亿二", 120_000_000),
        ("半", 0.5),
    ],
)
def test_a_number_has_the_value_a_listener_hears(text: str, value: float | None) -> None:
    assert number_value(text) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("百分之三点五", [(3.5, "percent")]),
        ("千分之五", [(0.5, "percent")]),
        ("日息万分之五", [(0.05, "percent")]),
        ("十六个点出头", [(16, "percent")]),
        ("每期是九十三块五", [(93.5, "money")]),
        ("限额20,000元", [(20000, "money")]),
        ("T+2到账", [(2, "day")]),
        ("五个工作日", [(5, "day")]),
        ("半年", [(182.5, "day")]),
        ("明天到账", [(1, "day")]),
        ("风险等级R4", [(4, "level")]),
        ("四百来块", [(400, "money")]),
    ],
)
def test_an_amount_is_read_in_its_base_unit(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(q.value, q.kind) for q in quantities(fold(text))] == expected


@pytest.mark.parametrize("text", ["2026年3月28日15:30", "三月二十八日", "下午三点半", "第8条"])
def test_dates_clock_times_and_ordinals_are_no_amounts(text: str) -> None:
    assert quantities(fold(text)) == []


def test_an_amount_knows_where_it_stands() -> None:
    text = "年化七点九二"
    (amount,) = quantities(text)
    assert text[amount.start : amount.end] == "七点九二"
