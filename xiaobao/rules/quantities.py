"""Amounts as people say and write them: `5万元`, `两万五`, `百分之三`, `七点九二个点`, `T+2`, `半年`.

Reads folded text (`xiaobao.rules.text.fold`): a thousands separator is therefore the full-width comma.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Quantity(NamedTuple):
    """An amount with its dimension, at `[start, end)` of the text it was read from."""

    value: float
    """In the base unit of `kind`: yuan, per cent, days, hours, times, or the bare number."""
    kind: str
    """`money`, `percent`, `day`, `hour`, `times`, `level`, or `bare` (no unit said)."""
    start: int
    end: int


_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "幺": 1, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "w": 10_000, "亿": 100_000_000}
_CHINESE = "零〇一幺二两三四五六七八九十百千万亿"

_NUMBER = (
    r"(?:[0-9]{1,3}(?:，[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,12}(?:\.[0-9]{1,6})?)(?:[百千万亿w](?![a-z]))?"
    rf"|[{_CHINESE}]{{1,14}}(?:点[零〇一二三四五六七八九]{{1,6}})?|半"
)
# Days in a unit of time; a year is compared with years and days alike.
_TIME = {"天": 1, "日": 1, "工作日": 1, "交易日": 1, "自然日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30, "年": 365}
_UNIT = (
    r"(?P<day>个?(?:工作日|交易日|自然日)|天|日(?!元|常)|个?(?:星期|礼拜)|周(?!岁)|个月|年(?!化|费|初|底|龄|利))"
    r"|(?P<hour>个?小时|个?钟头?)"
    r"|(?P<percent>%|％|个百分点|个点|点(?!钟|半|[0-9零一二三四五六七八九十]|之?前|以前|开|关|击|到|我|左右))"
    r"|(?P<money>元|块(?:[一二三四五六七八九](?![十百千万个天年月点]))?|蚊|圆)"
    r"|(?P<times>次|遍|回(?!来|去))"
    r"|(?P<level>级)"
)
_QUANTITY = re.compile(
    rf"(?:(?P<part>百分之|千分之|万分之)|(?P<t>t\+)|(?P<risk>(?<![a-z0-9])[rc](?=[1-5](?![0-9]))))?"
    rf"(?P<number>{_NUMBER})(?:来|多|几|余)?(?:{_UNIT})?"
)
# Days from today, as a delay is promised.
_RELATIVE = re.compile(r"当天|当日|今天|明天|明日|次日|第二天|后天")
_DELAY = {"当": 0, "今": 0, "明": 1, "次": 1, "第": 1, "后": 2}
# Parts of dates, clock times, years and identifiers are no amounts.
_NOT_AMOUNT_AFTER = re.compile(r"[：:/-][0-9]|月[0-9一二三四五六七八九十]|月份|号|点(?:钟|半|之?前|以前)|[a-z]")
_NOT_AMOUNT_BEFORE = re.compile(r"(?:[0-9：:/.第]|[0-9一二三四五六七八九十]月)$")


def quantities(text: str) -> list[Quantity]:
    """All amounts of folded `text`, in order."""
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(text):
        number = match.start("number")
        if _NOT_AMOUNT_BEFORE.search(text, max(0, number - 4), number) and not match["t"]:
            continue
        value = number_value(match["number"])
        unitless = match.lastgroup == "number"
        if value is None or (unitless and (match["number"] == "半" or _NOT_AMOUNT_AFTER.match(text, match.end()))):
            continue
        amount = _with_unit(match, value)
        if amount is not None:
            found.append(Quantity(*amount, match.start(), match.end()))
    found += [Quantity(_DELAY[m.group()[0]], "day", m.start(), m.end()) for m in _RELATIVE.finditer(text)]
    return sorted(found, key=lambda quantity: quantity.start)


def _with_unit(match: re.Match[str], value: float) -> tuple[float, str] | None:
    if match["part"]:
        return round(value * {"百": 1, "千": 0.1, "万": 0.01}[match["part"][0]], 6), "percent"
    if match["t"]:
        return value, "day"
    if match["risk"] or match["level"]:
        return value, "level"
    if match["percent"]:
        return value, "percent"
    if match["hour"]:
        return value, "hour"
    if match["money"]:
        return value + (_DIGITS[match["money"][1]] / 10 if len(match["money"]) > 1 else 0), "money"  # 九十三块五
    if match["times"]:
        return value, "times"
    if match["day"]:
        if match["day"] == "年" and value > 200:
            return None  # a calendar year
        return value * _TIME[match["day"].removeprefix("个")], "day"
    return value, "bare"


def number_value(text: str) -> float | None:
    """The value of `5万`, `一万二`, `零点六六`, `14.2`; None where it is no exact number (`三五万`)."""
    if text == "半":
        return 0.5
    scale = 1
    if text[0].isdigit():
        if text[-1] in "百千万亿w":
            scale = {**_SCALES, **_BIG}[text[-1]]
            text = text[:-1]
        return round(float(text.replace("，", "")) * scale, 6)
    whole, _, decimals = text.partition("点")
    value = _chinese_integer(whole)
    if value is None:
        return None
    if decimals:
        value += float("0." + "".join(str(_DIGITS[char]) for char in decimals))
    return round(value, 6)


def _chinese_integer(text: str) -> float | None:
    """`一万二` is 12000: a last digit without scale stands one scale below the one before it."""
    if all(char in _DIGITS for char in text):  # digit by digit: 二零二六, or a single digit
        return float("".join(str(_DIGITS[char]) for char in text))
    total = section = 0.0
    digit: int | None = None
    last_scale = 1
    zero = False
    for char in text:
        if char in _DIGITS:
            if digit not in (None, 0):
                return None  # 三五万: an approximate number
            digit = _DIGITS[char]
            zero = digit == 0
        elif char in _SCALES:
            section += (1 if digit is None else digit) * _SCALES[char]
            last_scale, digit, zero = _SCALES[char], None, False
        else:
            section += digit or 0
            total = (total + (section or 1)) * _BIG[char]
            section, digit, last_scale, zero = 0.0, None, _BIG[char], False
    if digit:
        section += digit * (last_scale / 10 if last_scale > 10 and not zero and text[-2] not in "零〇" else 1)
    return total + section
