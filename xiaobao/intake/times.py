"""When a call began and when each turn was said, from whatever the vendor wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from math import isfinite

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one zone without daylight saving since 1992; a fixed offset needs no zone database."""
NAIVE_NOTE = "started_at 无时区，按 Asia/Shanghai 处理"
EPOCH_S = 1e9
"""Numbers from here on are seconds since 1970 (2001 and later), never seconds into a call."""
EPOCH_MS = 1e11
"""Numbers from here on are milliseconds since 1970 (1973 and later)."""
MS_PER_CHAR = 20.0
"""Units per spoken character that separate seconds from milliseconds. Mandarin runs at 0.1–0.5 s, so 100–500 ms, a
character; in the 81 development calls that carry times the mean of a call lies between 0.17 and 0.26 s."""
MS_LEAST = 500.0
"""A last time stamp below this is in seconds: no call with words in it is over after half a second."""
CHAT_DAY_S = 86_400.0
CLOCK_OF_DAY_S = 3600.0
"""A first `hh:mm:ss` from here on is the hour of the day, not an hour of silence before the first word."""
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2}(?:[.,]\d{1,6})?)")
_DATE_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]*(\d{1,2})[:：时点](\d{1,2})(?:分?|(?:[:：分](\d{1,2})(?:\.\d+)?秒?))?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})")


def _plausible(moment: datetime) -> datetime:
    if not 1990 <= moment.year <= 2100:
        raise ValueError(f"年份 {moment.year} 不合理")
    return moment


def _from_epoch(number: float) -> datetime:
    if not isfinite(number) or number < EPOCH_S:
        raise ValueError("数字既不是秒也不是毫秒时间戳")
    seconds = number / 1000 if number >= EPOCH_MS else number
    try:
        return _plausible(datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI))
    except (OverflowError, OSError) as exc:
        raise ValueError("时间戳超出范围") from exc


def parse_moment(value: object) -> tuple[datetime | date, str | None]:
    """A point in time and what had to be assumed; a bare `date` when no time of day is given.

    Raises:
        ValueError: with a Chinese reason.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | datetime):
        raise ValueError("不是时间")
    if isinstance(value, int | float):
        return _from_epoch(value), "started_at 为时间戳，按 Asia/Shanghai 表示"
    if isinstance(value, datetime):
        moment = value
    else:
        text = value.strip()
        compact = _COMPACT.fullmatch(text)
        written = _DATE_TIME.fullmatch(text)
        try:
            if compact:
                moment = datetime(*(int(part) for part in compact.groups()))  # pyright: ignore[reportArgumentType]
            elif re.fullmatch(r"\d{10}(?:\d{3})?(?:\.\d+)?", text):
                return parse_moment(float(text))
            elif written:
                year, month, day, hour, minute, second = written.groups()
                if hour is None:
                    return _plausible(datetime(int(year), int(month), int(day))).date(), None
                moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
            else:
                moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError) as exc:
            raise ValueError("无法识别的时间格式") from exc
    _plausible(moment)
    if moment.tzinfo is None or moment.utcoffset() is None:
        return moment.replace(tzinfo=SHANGHAI), NAIVE_NOTE
    return moment, None


def parse_offset(value: object) -> float | datetime | None:
    """A time inside the call: a number (unit not yet known), clock time as seconds, or an absolute moment.

    Returns None for what cannot be a time; the caller counts these.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if isfinite(number) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        return _Seconds(int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", ".")))
    try:
        number = float(text)
    except ValueError:
        try:
            moment, _ = parse_moment(text)
        except ValueError:
            return None
        return moment if isinstance(moment, datetime) else None
    return number if isfinite(number) else None


class _Seconds(float):
    """A number whose unit is known to be seconds, as it was written as clock time."""


@dataclass
class TurnTimes:
    """Seconds from the start for every turn, and what was found out on the way."""

    spans: list[tuple[float | None, float | None]]
    notes: list[str] = field(default_factory=list)
    began: datetime | None = None
    """Moment of the first turn, when the source gave absolute times."""


def resolve_turn_times(
    raw: Sequence[tuple[object, object]],
    chars: Sequence[int],
    *,
    unit: str | None = None,
    chat: bool = False,
    report_seconds: bool = False,
) -> TurnTimes:
    """Turn the vendor's times into seconds.

    Args:
        raw: start and end of each turn as given; None where absent.
        chars: characters of each turn, used to tell seconds from milliseconds.
        unit: "ms" when the field's own name says so, else None: detected.
        chat: gaps between messages are thinking time, so only a span above a day speaks for milliseconds.
        report_seconds: say so also when seconds were recognised.
    """
    parsed = [
        (None if s is None or s == "" else parse_offset(s), None if e is None or e == "" else parse_offset(e))
        for s, e in raw
    ]
    unreadable = sum(
        (s not in (None, "") and p is None) + (e not in (None, "") and q is None)
        for (s, e), (p, q) in zip(raw, parsed, strict=True)
    )
    notes = [f"{unreadable} 处时间无法识别，已留空"] if unreadable else []
    given = [x for pair in parsed for x in pair if x is not None]
    if not given:
        return TurnTimes([(None, None)] * len(raw), notes)
    plain = [x for x in given if isinstance(x, float) and not isinstance(x, _Seconds)]
    began: datetime | None = None
    scale = 1.0
    base = 0.0
    clock_base = 0.0
    if any(isinstance(x, datetime) for x in given) or (plain and max(plain) >= EPOCH_S):
        first = next(x for x in given if isinstance(x, datetime) or x >= EPOCH_S)
        began = first if isinstance(first, datetime) else _moment_or_none(first)
        base = began.timestamp() if began else 0.0
        notes.append("轮次时间为绝对时间，已换算为相对首轮的秒")
    elif not plain and isinstance(given[0], _Seconds) and given[0] >= CLOCK_OF_DAY_S:
        clock_base = float(given[0])
        notes.append("轮次时间为钟点，已换算为相对首轮的秒")
    elif unit == "ms" and plain:
        scale = 1000.0
        notes.append("时间单位按毫秒识别（字段名）")
    elif plain and _looks_like_ms(parsed, chars, chat=chat):
        scale = 1000.0
        notes.append("时间单位按毫秒识别（由时长与字数推断）")
    elif plain and report_seconds:
        notes.append("时间单位按秒识别")

    def seconds(value: float | datetime | None) -> float | None:
        if value is None or isinstance(value, _Seconds):
            return None if value is None else round(float(value) - clock_base, 3)
        if isinstance(value, datetime):
            return round(value.timestamp() - base, 3)
        if began is not None:
            return round((value / 1000 if value >= EPOCH_MS else value) - base, 3) if value >= EPOCH_S else None
        return round(value / scale, 3) if scale != 1.0 else value

    spans: list[tuple[float | None, float | None]] = []
    backwards = 0
    for pair in parsed:
        start, end = seconds(pair[0]), seconds(pair[1])
        if (start is not None and start < 0) or (end is not None and (end < 0 or (start is not None and end < start))):
            backwards += 1
            start = end = None
        spans.append((start, end))
    if backwards:
        notes.append(f"{backwards} 轮的时间为负或结束早于开始，已留空")
    return TurnTimes(spans, notes, began)


def _moment_or_none(number: float) -> datetime | None:
    try:
        return _from_epoch(number)
    except ValueError:
        return None


def _looks_like_ms(
    parsed: Sequence[tuple[float | datetime | None, float | datetime | None]], chars: Sequence[int], *, chat: bool
) -> bool:
    spoken = length = latest = 0.0
    starts: list[float] = []
    for (start, end), count in zip(parsed, chars, strict=True):
        if isinstance(start, _Seconds) or isinstance(end, _Seconds):
            return False
        if isinstance(start, float):
            starts.append(start)
            latest = max(latest, start)
        if isinstance(end, float):
            latest = max(latest, end)
            if isinstance(start, float) and end > start:
                spoken += end - start
                length += max(count, 1)
    if latest < MS_LEAST:
        return False
    if length and not chat:
        return spoken / length > MS_PER_CHAR
    span = max(starts, default=latest) - min(starts, default=0.0)
    if chat:
        return max(span, latest) > CHAT_DAY_S
    return max(span, latest) / max(sum(chars), 1) > MS_PER_CHAR
