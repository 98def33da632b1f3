"""Identity cards, bank cards, phones, landlines and codes among the runs of digits of a call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from stdnum import luhn
from stdnum.cn import uscc

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.cues import Cue, Topic, cues_asked, cues_before
from xiaobao.privacy.digits import Group
from xiaobao.privacy.kinds import Candidate, PiiKind

MIN_PART = 6
"""Shortest piece of an ID, card or phone number that is masked; four-digit tails stay readable (see `Topic.TAIL`)."""

# First two digits of a residence region, GB/T 2260.
_REGION_LIST = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
)
_REGIONS = frozenset(_REGION_LIST.split())
_MOBILE = re.compile(r"(?:0{0,2}86)?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"(?:0{0,2}86)?0(?:(?:10|2\d)\d{8}|[3-9]\d{2}\d{7,8})")
_MOBILE_GROUPS = frozenset(
    {(11,), (3, 4, 4), (3, 3, 5), (4, 3, 4), (4, 4, 3), (3, 8), (7, 4), (3, 2, 2, 2, 2), (3, 5, 3)}
)
"""Ways people write a mobile number in groups; the others are likelier to be several amounts in a row."""
_HOTLINE = re.compile(r"(?:1(?:10|19|20|22)|123\d\d|95\d{3,4}|96\d{3,4}|100\d\d|[48]00\d{7}|11\d|12\d)")
_UNIT_AFTER = re.compile(
    r"[ ]?(?:[元块万千百亿%％‰年月日期天笔次分折岁人户角毛成倍种家股份克吨度]|个(?!人)|美元|点\d|工作日|小时)"
)
_MONEY_AFTER = re.compile(r"[ ]?[元块万亿%％]")
_CURRENCY = re.compile(r"[¥￥$]$|\d\.$")
_AMOUNT_GOES_ON = re.compile(r"[第百千万亿十点]$")
_LETTER = re.compile(r"[A-Za-z]")
_CODE_LINK = re.compile(
    r"(?:[是为改成设收到念给你您我说报一下就了的啊哦呢这那个有发来它输入又变叫,，:：“\"（() \t]|\.{2,}|…){0,14}$"
)
_CARD_CODE_WORDS = ("后三位", "CVV", "安全码")
"""The printed code of a card is the only one with three digits."""
_CARD_CODE = re.compile("|".join(_CARD_CODE_WORDS))

_ANSWER_START = 4
"""A number within the first characters of a turn answers the question before it."""
_ANSWER_SLACK = 18
"""So does one that leaves no more than this many characters of its turn."""

_PARTS = {
    PiiKind.ID_CARD: 18,
    PiiKind.BANK_CARD: 19,
    PiiKind.MOBILE: 13,
    PiiKind.LANDLINE: 12,
    PiiKind.PASSPORT: 9,
}
"""Most digits of a contextual piece, by kind."""


def is_birth_date(digits: str) -> bool:
    """Whether yyyymmdd (or yymmdd of the old card) is a day a living person may be born on."""
    full = digits if len(digits) == 8 else "19" + digits
    try:
        day = date(int(full[:4]), int(full[4:6]), int(full[6:8]))
    except ValueError:
        return False
    return 1900 <= day.year <= 2099


def is_id_card(value: str) -> bool:
    """Region and birth date fit. The check digit is not asked for: one misheard digit must not unmask the rest."""
    if value[:2] not in _REGIONS:
        return False
    if len(value) == 18:
        return value[:17].isdigit() and is_birth_date(value[6:14])
    return len(value) == 15 and value.isdigit() and is_birth_date(value[6:12])


def self_evident(value: str, shape: tuple[int, ...], *, spoken: bool, cues: Sequence[Cue]) -> PiiKind | None:
    """The kind of a whole number that needs no context, or None.

    `shape` is the length of each group as written; an order number is believed to be one when it says so.
    """
    ordered = bool(cues) and cues[-1] is Topic.ORDER
    if is_id_card(value) and (len(value) == 18 or not ordered):
        return PiiKind.ID_CARD
    if len(value) == 18 and value.startswith("9") and uscc.is_valid(value):
        return PiiKind.USCC
    if not value.isdigit() or ordered:
        return None
    if 16 <= len(value) <= 19 and value[0] in "34569" and (value.startswith("62") or luhn.is_valid(value)):
        return PiiKind.BANK_CARD
    if _MOBILE.fullmatch(value):
        core = shape[1:] if value[:-11] and shape[0] == len(value) - 11 else shape
        if spoken or core in _MOBILE_GROUPS or len(shape) >= 10 or PiiKind.MOBILE in cues or shape == (len(value),):
            return PiiKind.MOBILE
    if _LANDLINE.fullmatch(value) and (len(shape) <= 4 or len(shape) >= 10):
        return PiiKind.LANDLINE
    return None


def find_numbers(corpus: Corpus, runs: Iterable[tuple[Group, ...]]) -> Iterator[Candidate]:
    """Numbers recognised by their own form or by the words around them."""
    shortest = 3 if any(word in corpus.text for word in _CARD_CODE_WORDS) else 4
    for run in runs:
        if sum(len(group.digits) for group in run) >= shortest:
            yield from _in_run(corpus, run)


def _in_run(corpus: Corpus, run: tuple[Group, ...]) -> Iterator[Candidate]:
    text = corpus.text
    near = cues_before(corpus, run[0].start)
    if _CURRENCY.search(text, max(0, run[0].start - 2), run[0].start):
        return
    rest: list[Group] = []
    index = 0
    while index < len(run):
        found = _whole(text, run, index, near)
        if found is None:
            rest.append(run[index])
            index += 1
            continue
        stop, candidate = found
        yield from _part(corpus, rest, near)
        rest = []
        yield candidate
        index = stop
    yield from _part(corpus, rest, near)


def _whole(text: str, run: tuple[Group, ...], first: int, near: Sequence[Cue]) -> tuple[int, Candidate] | None:
    """The longest self-evident number that begins with group `first`, and the index behind it."""
    best: tuple[int, Candidate] | None = None
    value = ""
    for stop in range(first + 1, len(run) + 1):
        value += run[stop - 1].digits
        if len(value) > 19:
            break
        if len(value) < 11:
            continue
        groups = run[first:stop]
        end = groups[-1].end
        if _MONEY_AFTER.match(text, end):
            continue
        bare = value.rstrip("X") if value.endswith("X") and len(value) != 18 else value
        shape = tuple(len(group.digits) for group in groups)
        kind = self_evident(bare, shape, spoken=any(group.spoken for group in groups), cues=near)
        if kind is not None:
            start = groups[0].start
            if kind in (PiiKind.MOBILE, PiiKind.LANDLINE):
                bare = _national(bare)
                if text[start - 1 : start] == "+":
                    start -= 1
            best = stop, Candidate(start, end, kind, bare)
    return best


def _national(value: str) -> str:
    """A phone number without its country code."""
    return re.sub(r"^(?:00)?86(?=1\d{10}$|0\d{9})", "", value)


def _part(corpus: Corpus, groups: Sequence[Group], near: Sequence[Cue]) -> Iterator[Candidate]:
    """A piece of a number that only its context tells."""
    text = corpus.text
    while len(groups) > 1 and _UNIT_AFTER.match(text, groups[-1].end):
        groups = groups[:-1]  # 220917，五分钟
    if not groups:
        return
    start, end = groups[0].start, groups[-1].end
    value = "".join(group.digits for group in groups)
    plain = value.rstrip("X")
    if _HOTLINE.fullmatch(plain) or _UNIT_AFTER.match(text, end):
        return
    if _LETTER.match(text, max(0, start - 1)) or _AMOUNT_GOES_ON.search(text, max(0, start - 1), start):
        return  # a piece of a product code, of 二十三点一二三四
    turn = corpus.turn_of(start)
    begin, stop = corpus.bounds(turn)
    asked: Sequence[Cue] = ()
    answers = len(plain) >= 10 or start - begin <= _ANSWER_START or stop - begin <= end - start + _ANSWER_SLACK
    if not near and answers:
        asked = cues_asked(corpus, turn)
    kind = _kind_of_part(plain, value, near, asked)
    if kind is PiiKind.PASSWORD_CODE:
        if near and not _CODE_LINK.search(text, begin, start):
            return
        if not 4 <= len(value) <= 8 and not (len(value) == 3 and _CARD_CODE.search(text, max(0, begin - 60), start)):
            return
    elif kind is None or len(value) < MIN_PART or len(value) > _PARTS[kind]:
        return
    if "X" in value and kind is not PiiKind.ID_CARD:
        end = groups[-1].end - (1 if groups[-1].digits.endswith("X") else 0)
    yield Candidate(start, end, kind, value)


def _kind_of_part(plain: str, value: str, near: Sequence[Cue], asked: Sequence[Cue]) -> PiiKind | None:
    cues = [cue for cue in (near or asked) if cue is not Topic.TAIL or len(plain) < MIN_PART]
    if not cues or cues[-1] in (Topic.ORDER, Topic.TAIL) or (near and cues[-1] is Topic.QUANTITY):
        return None
    kinds = [cue for cue in cues if isinstance(cue, PiiKind)]
    if PiiKind.ID_CARD in kinds and (value.endswith("X") or len(plain) in (6, 17, 18)):
        return PiiKind.ID_CARD
    if PiiKind.PASSWORD_CODE in kinds and len(kinds) > 1 and len(plain) > 8:
        kinds = [kind for kind in kinds if kind is not PiiKind.PASSWORD_CODE]
    kind = kinds[-1] if kinds else None
    return kind if kind in _PARTS or kind is PiiKind.PASSWORD_CODE else None
