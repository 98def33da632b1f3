"""People's names: introduced (我叫…), addressed (王先生), answered, or known from the call's own record.

A surname with a title loses the surname only (〔人名1〕经理): who somebody is to the customer, an agent, a brother or a
boss, decides verdicts and must stay readable. Kinship alone (我哥) names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.everyday_words import EVERYDAY_WORDS, WORD_NAMES
from xiaobao.privacy.kinds import Candidate, PiiKind
from xiaobao.privacy.surnames import COMPOUND, GIVEN, NEVER_GIVEN, SINGLE, WORDLIKE
from xiaobao.privacy.titles import TITLE, TITLE_WORDS, find_titled

# Every alternation in front of a pattern begins each branch with a literal: only then does `re` skip to the next
# possible first character, which is what keeps a call without names cheap.
_COMPOUND_FIRST = "".join(sorted({name[0] for name in COMPOUND}))
_S = rf"(?:[{''.join(sorted(SINGLE))}]|(?=[{_COMPOUND_FIRST}])(?:{'|'.join(sorted(COMPOUND))}))"
_G = rf"[^\W\dA-Za-z_{''.join(sorted(NEVER_GIVEN))}]"
_END = r"\s,，。、!！?？…~～;；:：)）”\"】〕"
_KIN = r"[爸妈哥姐弟妹亲]|爱人|女儿|儿子|老[公婆]|妻子|丈夫|父亲|母亲|朋友|同事|家"
_ASKS = (
    rf"先生|女士|小姐|本人|[吗吧嘛]|[不么][{_END}]|[不么]$|[?？]|是[吧吗不]|对[吧不吗伐]|在[吗不]|接电话|听电话|[她他]|家里"
    rf"|的(?:手机|电话|号码|家属|{_KIN})"
)
_AFTER = rf"[{_END}呢啊呀哇哈噢为]|$|{_ASKS}|工号"

_FULL = rf"{_S}{_G}{{1,2}}"
_NICK = rf"[阿小老]{_G}"
_TWIN = rf"(?P<twin>{_G})(?P=twin)"

_CALLED = "|".join(f"{who}叫" for who in "我人名个公婆妻子女儿弟妹哥姐爸妈夫友他她")
_INTRODUCED = re.compile(
    rf"(?:{_CALLED}|名字是|名字为|名字叫做?|叫做|叫个|叫我|自称|姓名|户名|持卡人|收款人|联系人|投保人|被保人|被保险人|受益人"
    r"|借款人|担保人|客户名|全名|真名|本名|法人)(?:是|叫|为|写|填)?[:：]?[ ]?"
    rf"(?P<name>{_FULL}|{_NICK}|{_TWIN})(?={_AFTER}|[的已也都就和与因从现还没]|联系)",
    re.M,
)
"""Leaves no doubt that a name follows."""
_ROLE = re.compile(
    r"(?:经理|客服部?|专员|顾问|坐席|柜员|中心|银行|支行|分行|那边|这边|消金|金融|金服|小贷|人寿|保险|财险|律所|事务所"
    r"|公司|部门?|岗|我是|我系|本人|工号[A-Za-z0-9一二三四五六七八九零幺]{1,8})"
    rf"[的,，]?[ ]?(?P<name>{_FULL}|{_NICK}|{_TWIN})(?={_AFTER})",
    re.M,
)
_ASKED = re.compile(
    r"(?:是|系|找一?下?|联系一?下?|转告|通知|麻烦让|转给|您好|你好|晚上好|早上好|上午好|下午好|喂)[,， ]{0,2}"
    rf"(?P<name>{_S}(?:{_G}{{1,2}}(?={_ASKS})|{_G}{{2}}(?=[,，。]|[ ]*$)))",
    re.M,
)
_SOUGHT = re.compile(rf"找一?下?(?P<name>{_FULL})(?=[{_END}]|$)", re.M)
_FORMAL = re.compile(rf"请问(?:您|你)?(?:是不是|是|系)(?P<name>{_G}{{3,6}}?)(?=先生|女士|小姐|老板|师傅|本人)")
"""Behind 请问是 a title makes a name of anything, 帕尔哈提 too."""
_SURNAME_SAID = re.compile(rf"姓(?P<name>{_S})(?=[{_END}的]|$|工号|名字|[她他这我]|身份)", re.M)
_NO_SURNAME_BEFORE = frozenset("百何")
"""百姓, 何姓: the next character is no surname."""
_MIDDLE_DOT = re.compile(rf"[·•・](?P<given>{_G}{{2,7}}?)(?={_ASKS}|[,，。])", re.M)
_DOT_FIRST = re.compile(rf"(?:[是叫找系问好喂][,， ]?|^)(?P<name>{_G}{{2,6}})$", re.M)
"""A product may be called 安享·稳盈: only greetings, 是 and 叫 make 买买提·吐尔逊 of it."""
_NAME_QUESTION = re.compile(r"姓名|全名|名字|贵姓|怎么称呼|叫什么|叫啥|哪位|户名|尊姓|您个名")
_ANSWER = re.compile(rf"(?:[嗯哦啊我是叫,， ]|免贵姓?|{_S}[,，。]){{0,4}}(?P<name>{_FULL})(?=[\s,，。!！]|$)", re.M)
_GIVEN_SET = "".join(sorted(GIVEN))
_PLAIN = "".join(sorted(SINGLE - WORDLIKE - frozenset("司寿管敬祝幸游爱景谷连桑干丰阳")))
_MIXED = "".join(
    sorted(SINGLE & WORDLIKE - frozenset("钱全次空安管于元公和向年路单从后关常满成边都连别高包老东车查种信付"))
)
"""Word-like surnames that still may begin a name between small words on both sides."""
_LAST = "".join(sorted(GIVEN - frozenset("银籍城稳量地公安经金服江保松健惠州国水设面以通古本实时大小一刚才三朋女过")))
"""Last characters that need no boundary behind them: they begin no frequent word."""
_LEFT = (
    "的让给跟和与找叫是把被问替帮请对户友事妇夫公婆人板师员到姐哥弟妹爸妈儿女亲下哦嗯诉称喊签写"
    "欠个系同位有么在转你您识骂催约见陪带由"
)
_RIGHT = (
    "的在说也就是给接欠还跑帮反填她他和与吗吧呢了啊先女小本已没不要把被让跟从到今昨明去来这那借"
    "拿签买卖办打发收送走住用找叫问看想知会能可应该所曾正方替代领"
)
_BOUNDED = rf"(?:(?<![^\W\dA-Za-z_].)|(?<=[{_LEFT}].))"
"""Behind the first character of a name: what stands before it is no part of a word."""
_ENDED = rf"(?=[{_RIGHT}]|[\W\d_A-Za-z]|$)"
_FREE = re.compile(
    # One set in front lets `re` skip to the next possible first character.
    rf"[{_PLAIN}{_MIXED}]{_BOUNDED}"
    rf"(?:[{_GIVEN_SET}]{{2}}{_ENDED}|(?<=[{_PLAIN}])[{_GIVEN_SET}][{_LAST}])"
)
"""A full name with no cue but the small words around it; on 8,600 turns of practice calls three in four were names."""
_RELATED = re.compile(
    r"(?:同事|律师|老板|客户|丈夫|老公|老婆|妻子|媳妇|儿子|女儿|朋友|邻居|房东|领导|人|员|填的|叫)"
    rf"(?P<name>[{_PLAIN}][{_GIVEN_SET}]{{1,2}}){_ENDED}"
)
_NICKNAME = re.compile(rf"[小老阿]{_S}(?=[,，。!！?？、\s啊呀哈吗吧哎呢]|$)", re.M)
_NICKNAME_LEFT = frozenset(",，。 \n\t是好喂行的服我理心:：!！?？~")
_STANDING = re.compile(rf"{_FULL}(?=[{_END}是吗吧对不啊呀]|$)", re.M)
_NO_GIVEN = EVERYDAY_WORDS - WORD_NAMES
_GIVEN_AFTER = re.compile(rf"(?:{TITLE}|[你您]好)", re.M)
_NICK_AFTER = re.compile(r"(?![^\W\dA-Za-z_])|[您你我他她是说啊呀哈吗吧呢的那给跟这在就帮也来]")
_WORD_LEFT = re.compile(r"(?<![^\W\dA-Za-z_])|(?<=[是叫我的找让给跟和行心部融司险岗员理服款贷金业老小])")

_FEW = 64
"""Names up to which one search per name is cheaper than one look at every character."""

_RECORD_ROLE = re.compile(
    r".*(?:客服|专员|经理|顾问|[坐座]席|柜员|管家|助手|助理|培训师|导师|主任|组长|值守|[夜晚早]班|岗|保全|理财|贷后|回访员?"
    r"|审核|热线|调解员?|续期|面签员?|投顾|在线|企微|专席|官)"
)
_PERSON = re.compile(rf"[^\W\dA-Za-z_]{{2}}|{_FULL}|[^\W\dA-Za-z_]{{2,8}}[·•・][^\W\dA-Za-z_]{{2,8}}")


@lru_cache(maxsize=4096)
def person_in(record_name: str) -> str | None:
    """The person in a record's field, e.g. 罗丹 in 理财经理罗丹; None for a seat (客服17) or a surname only."""
    tail = _RECORD_ROLE.sub("", re.split(r"[-—\s/|]", record_name.strip())[-1])
    return tail if _PERSON.fullmatch(tail) else None


def believable(name: str, *, strong: bool) -> bool:
    """Whether a string in a name's place is one; `strong`: the words before it announce only names."""
    if name in EVERYDAY_WORDS or name[1:] in TITLE_WORDS or not NEVER_GIVEN.isdisjoint(name[1:]):
        return False
    if name[0] in "小老阿" and len(name) == 2:
        return strong or name[1] in SINGLE or (name[0] != "老" and name[1] in GIVEN)
    if strong:
        return True
    if len(name) == 2 and name[0] == name[1]:
        return name[0] in GIVEN
    if name[:2] in EVERYDAY_WORDS or name[1:] in _NO_GIVEN:
        return False
    given = name[2:] if name[:2] in COMPOUND else name[1:]
    return GIVEN.issuperset(given)


def find_names(corpus: Corpus, known: Iterable[str] = ()) -> Iterator[Candidate]:
    """Names in the call; `known` are names its record gives, masked wherever they are said."""
    text = corpus.text
    found = [*_in_context(corpus), *find_titled(text)]
    if surnames := {candidate.value for candidate in found if candidate.value in SINGLE}:
        found += _with_known_surname(text, surnames)
    yield from found
    values = {candidate.value for candidate in found if len(candidate.value) >= 2}
    values.update(name for name in known if name not in EVERYDAY_WORDS)
    if values:
        yield from _repeats(text, values)


def _in_context(corpus: Corpus) -> Iterator[Candidate]:
    text = corpus.text
    for pattern in (_INTRODUCED, _ROLE, _ASKED, _SOUGHT, _RELATED):
        for match in pattern.finditer(text):
            start, end = match.span("name")
            if believable(text[start:end], strong=pattern is _INTRODUCED):
                yield _name(text, start, end)
    if "请问" in text:
        for match in _FORMAL.finditer(text):
            yield _name(text, *match.span("name"))
    for match in _FREE.finditer(text):
        if believable(match.group(), strong=False):
            yield _name(text, *match.span())
    for match in _NICKNAME.finditer(text):
        if (not match.start() or text[match.start() - 1] in _NICKNAME_LEFT) and believable(match.group(), strong=False):
            yield _name(text, *match.span())
    for match in _SURNAME_SAID.finditer(text):
        if text[match.start() - 1 : match.start()] not in _NO_SURNAME_BEFORE:
            yield _name(text, *match.span("name"))
    for match in _MIDDLE_DOT.finditer(text) if "·" in text or "•" in text or "・" in text else ():
        first = _DOT_FIRST.search(text, max(0, match.start() - 8), match.start())
        if first:
            yield _name(text, first.start("name"), match.end("given"))
    yield from _answers(corpus)


def _answers(corpus: Corpus) -> Iterator[Candidate]:
    """A name that answers 您贵姓 within two turns."""
    text = corpus.text
    for question in _NAME_QUESTION.finditer(text):
        asked_in = corpus.turn_of(question.start())
        for turn in range(asked_in + 1, min(asked_in + 3, len(corpus.texts))):
            begin, stop = corpus.bounds(turn)
            answer = _ANSWER.match(text, begin, stop)
            if answer and believable(answer["name"], strong=stop - begin <= 6):
                yield _name(text, *answer.span("name"))


def _with_known_surname(text: str, surnames: set[str]) -> Iterator[Candidate]:
    """A free-standing 瞿桂芳 in a call that speaks of 瞿嬢嬢."""
    for surname in surnames:
        for start in _positions(text, surname):
            if start and text[start - 1].isalpha():
                continue
            match = _STANDING.match(text, start)
            if match and believable(match.group(), strong=False):
                yield _name(text, *match.span())


def _repeats(text: str, values: set[str]) -> Iterator[Candidate]:
    """Every other mention of a name found once, and its given name before a title or a greeting."""
    for start, value in _mentions(text, values):
        end = start + len(value)
        if value[0] in "小老阿" and not _NICK_AFTER.match(text, end):
            continue  # 小金, but not 小金额
        if value in WORD_NAMES and not _WORD_LEFT.match(text, start):
            continue  # 白雪, but not 有白雪
        yield Candidate(start, end, PiiKind.NAME, value)
    givens = {value[1:]: value for value in values if len(value) == 3 and value[0] in SINGLE}
    for start, given in _mentions(text, givens):
        if _GIVEN_AFTER.match(text, start + 2):
            yield Candidate(start, start + 2, PiiKind.NAME, givens[given])


def _mentions(text: str, values: Collection[str]) -> Iterator[tuple[int, str]]:
    """Where each value stands, longer ones first."""
    if len(values) <= _FEW:
        for value in sorted(values, key=len, reverse=True):
            for start in _positions(text, value):
                yield start, value
        return
    sizes = sorted({len(value) for value in values}, reverse=True)
    firsts = {value[0] for value in values}
    for start, char in enumerate(text):
        if char in firsts:
            for size in sizes:
                if text[start : start + size] in values:
                    yield start, text[start : start + size]


def _positions(text: str, value: str) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        yield start
        start = text.find(value, start + len(value))


def _name(text: str, start: int, end: int) -> Candidate:
    return Candidate(start, end, PiiKind.NAME, text[start:end])
