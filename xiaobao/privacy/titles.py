"""Names in front of a title: 王先生, 欧阳老师, 陈国平陈先生, 罗生."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xiaobao.privacy.everyday_words import EVERYDAY_WORDS
from xiaobao.privacy.kinds import Candidate, PiiKind
from xiaobao.privacy.surnames import COMPOUND, GIVEN, NEVER_GIVEN, SINGLE, WORDLIKE

_WORD_LIST = (
    "先生 女士 小姐 老师 师傅 经理 主任 行长 大哥 大姐 大爷 大妈 大叔 大娘 大婶 大姨 阿姨 阿姐 阿叔 伯伯 叔叔 婆婆 "
    "奶奶 爷爷 嬢嬢 孃孃 法官 警官 医生 大夫 老板 会计 队长 所长 科长 处长 局长 院长 助理 专员 顾问 客服 姑娘 同学 "
    "太太 兄弟 老弟 妹子 总监 支书 村长 书记 本人"
)
TITLE_WORDS = frozenset(_WORD_LIST.split())
# Every branch begins with a literal: only then does `re` skip to the next possible first character.
TITLE = "|".join(
    (
        *sorted(TITLE_WORDS),
        "律师(?!事务|函|所|费)",
        *(f"{kin}(?![哥姐叔婶伯嫂姨])" for kin in "哥姐叔婶伯嫂姨"),
        r"总(?=[,，。!！?？…~\s您你好早下上晚再啊呀吗吧慢走说这发回来那让给把跟约讲聊谈吃见问打签]|$)",
        *(rf"{cantonese}(?=[,，。!！?？\s您你好啊]|本人|$)" for cantonese in "生太"),
    )
)
"""Expression for a title or a form of address; compile it with `re.MULTILINE`."""
_TITLE = re.compile(TITLE, re.M)
_SEATS = frozenset(("助理", "专员", "顾问", "客服", "会计", "老板", "医生", "法官", "同学", "姑娘"))
"""Words that follow prepositions (向客服) as often as surnames."""
_SHORT = frozenset("哥姐叔婶伯嫂姨")
_CANTONESE = frozenset("生太")
_LEFT = frozenset(
    "是好喂谢见问找的和跟让给烦到系对嗯那了啊哦呀哎请叫姓名与同向替帮把被你您我他她这位呢吧嘛吗"
    "得行喊说告知转联听唉噢呐嘞由及在等过去来要为俾咗小老按咪晒样下个晚"
)
"""Characters after which a surname may begin inside a sentence."""
_STRICT_LEFT = frozenset("是好喂请让找谢见姓问系的音咪下")
_COMMON = frozenset(
    "王李张刘陈杨赵吴徐孙胡朱郭郑梁冯曹彭肖蔡潘袁董吕魏蒋杜沈姜卢汪崔廖邹秦阎薛侯钟韩邓葛贺覃"
    "谭戴邱尹史贾段郝龚邵汤庞樊殷施陶倪俞鲁韦毕聂焦柳岳骆翁裴鲍阮柯霍翟耿邢穆佟傅戚祁栾詹"
)
"""Frequent surnames that end no everyday word: no boundary is asked for before a title."""
_POLITE = frozenset(("先生", "女士", "小姐"))
_LONGEST = 4


def find_titled(text: str) -> Iterator[Candidate]:
    """The name, or surname, in front of each title; the title itself is not part of it."""
    for match in _TITLE.finditer(text):
        start = _name_start(text, match.start(), match.group())
        if start is None:
            continue
        yield Candidate(start, match.start(), PiiKind.NAME, text[start : match.start()])
        full = _full_name_before(text, start, match.start())
        if full is not None:
            yield Candidate(full, start, PiiKind.NAME, text[full:start])


def _name_start(text: str, end: int, title: str) -> int | None:
    """Start of the best reading of the characters before `end` as a name."""
    best: int | None = None
    for size in (1, 2):
        start = end - size
        if start >= 0 and _surname_length(text[start:end]) == size and _full_name_before(text, start, end) is not None:
            return start
    for size in range(1, _LONGEST + 1):
        start = end - size
        if start < 0 or not _is_han(text[start]):
            break
        if best is not None and text[start] in _LEFT:
            break  # 和李先生: 和 joins, it is not the surname
        if _reads_as_name(text, start, end, title):
            best = start
    return best


def _reads_as_name(text: str, start: int, end: int, title: str) -> bool:
    name = text[start:end]
    surname = _surname_length(name)
    given = name[surname:]
    if not surname or len(given) > 2 or name in EVERYDAY_WORDS or name[:2] in EVERYDAY_WORDS:
        return False
    if given in TITLE_WORDS or not NEVER_GIVEN.isdisjoint(given):
        return False
    if given and (title in _SHORT or title in _SEATS) and not GIVEN.issuperset(given):
        return False
    left = text[start - 1 : start]
    if title in _POLITE and len(given) == 2 and GIVEN.issuperset(given):
        return True
    if not given and len(title) == 2 and title != "本人" and name in _COMMON:
        return True
    if name[0] == left == "谢":
        return text[start - 2 : start] == "谢谢"
    if name[0] in WORDLIKE or title in _CANTONESE:
        if name[0] in WORDLIKE and (title in _SEATS or title in _CANTONESE or title == "本人"):
            return False
        return not _is_han(left) or left in _STRICT_LEFT
    if title == "本人" and not given and surname == 1:
        return False  # 由本人, 和本人
    return not _is_han(left) or left in _LEFT


def _surname_length(name: str) -> int:
    """Characters of the surname `name` begins with; 0 when it begins with none."""
    return 2 if name[:2] in COMPOUND else 1 if name[0] in SINGLE else 0


def _full_name_before(text: str, start: int, end: int) -> int | None:
    """Start of 陈国平 in 陈国平陈先生, where `text[start:end]` is the second 陈."""
    surname = text[start:end]
    for size in (2, 1):
        begin = start - size - len(surname)
        if begin < 0 or not text.startswith(surname, begin):
            continue
        given = text[begin + len(surname) : start]
        if all(_is_han(char) and char not in NEVER_GIVEN and char not in surname for char in given):
            left = text[begin - 1 : begin] if begin else ""
            if not _is_han(left) or left in _LEFT:
                return begin
    return None


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"
