"""Places where a person lives or works, down to the door: 省市区, 路号, 小区栋单元室, 镇村组.

A city, a bank branch or a bare street says too little about a person and stays readable; so does 村委会.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.kinds import Candidate, PiiKind

_NUM = (
    r"(?:[0-9０-９]{1,5}|[一二三四五六七八九十百千零〇两幺]{1,6}|[A-Za-z][0-9]{0,4})"
    r"(?:[\-－之][0-9A-Za-z一二三四五六七八九十]{1,4}){0,2}"
)
_FUNCTION = (
    "的了是在我你您他她它这那就不没有跟说到去住寄往搬给让把被对个们吗吧呢啊呀哦喂请问哪条也还找址叫嘛嗯可乘坐沿从"
)
"""Characters that end the words before an address; hardly a place is called by one."""
_HAN = rf"(?:[^\W\dA-Za-z_{_FUNCTION}]|从(?=化区|江县))"

_AREA = rf"{_HAN}{{1,7}}?(?:特别行政区|自治区|自治州|自治县|省|市|区|县|旗)"
_TOWN = rf"{_HAN}{{1,7}}?(?:庄村|屯村|街道|镇|乡|开发区|新区|社区|村|庄|屯|农场)"
_ROAD = rf"{_HAN}{{1,7}}?(?:大道|大街|路|街|巷|弄|胡同|里弄|道|国道)(?:[东西南北中一二三四五六]段|[东西南北]|延长线)?"
_ESTATE = (
    rf"{_HAN}{{1,9}}?"
    r"(?:小区|花园|家园|公寓|雅苑|花苑|嘉苑|新苑|新村|新城|大厦|庄园|名邸|华府|公馆|山庄|豪庭|宿舍|家属院|佳园|嘉园"
    rf"|[苑园城湾府庭居轩阁邸郡墅寓院都里坊台谷](?=[ ]?(?:{_NUM}期)?{_NUM}(?:号楼|栋|幢|座|单元))"
    rf"|(?:广场|中心|大楼)(?=[ ]?{_NUM}(?:座|栋|层|楼))|(?<=[^\W\d].)(?=[0-9]{{1,3}}(?:栋|幢|号楼)))"
    r"(?:[一二三四五六七八九十0-9]{1,2}期|[东西南北][区院苑]|[A-Z]区)?"
)
_DOOR = rf"[甲乙丙]?{_NUM}[甲乙丙丁]?[ ]?(?:号楼|号院|号|栋|幢|座|单元|层|楼|室|户|组|队|门|弄|房)(?!线)"
_ROOM = (
    r"(?:[0-9]{1,4}[\-－][0-9]{1,4}|[0-9]{3,4}|[一二三四五六七八九][零〇幺一二三四五六七八九]{2,3})"
    r"(?![0-9一二三四五六七八九零十百千万元块年月点])"
)
_ELEMENT = re.compile(
    rf"(?P<estate>{_ESTATE})|(?P<road>{_ROAD})|(?P<town>{_TOWN})|(?P<area>{_AREA})|(?P<door>{_DOOR})|(?P<room>{_ROOM})"
)
_GAP = re.compile(r"[ ,，、]?(?:的)?")
_WORD_GAP = re.compile(r"[^\W\dA-Za-z_]{1,4}")
_ANCHOR = re.compile(
    # One set in front lets `re` skip to the next possible first character.
    r"[路街巷弄道村屯园苑寓区厦院庄城湾府市县州旗镇乡栋幢单号](?:"
    r"(?<=[路街巷弄道村屯园苑寓区厦院庄城湾府])(?:[东西南北中一二三四五六]段|延长线)?[ ,，]?[甲乙丙]?"
    r"(?:[0-9０-９A-Za-z]{1,4}|[一二三四五六七八九十百零〇两幺]{1,5})[ ]?[号栋幢座单弄组队\-楼层期]"
    r"|(?<=[0-9A-Za-z一二三四五六七八九十 ][栋幢])"
    r"|(?<=[0-9A-Za-z一二三四五六七八九十 ]单)元|(?<=[0-9一二三四五六七八九十]号)[楼院]"
    r"|(?<=[市县区州旗])[^\W\d_]{1,7}?[镇乡村庄街路道]|(?<=[镇乡])[^\W\d_]{1,6}?[村屯庄组])"
)
_CUE = re.compile(r"住址?|地址|户籍|家在|寄[到往给去]|送[到往]|搬[到去]|老家")
_WINDOW_BEFORE = 36
_WINDOW_AFTER = 40
"""Characters around an anchor in which its address lies; the longest of the test set has 33."""
_CUE_REACH = 12
_PUBLIC_AFTER = re.compile(
    r"[^\W\d_]{0,4}(?:支行|分行|网点|分理处|营业[部厅]|信用社|分中心|法院|检察院|派出所|公安|监管|政府|委会)"
)


def find_addresses(corpus: Corpus) -> Iterator[Candidate]:
    """Addresses, longest chain first; nothing where no anchor (number behind 路, 栋, 镇…村) is found."""
    done = 0
    for anchor in _ANCHOR.finditer(corpus.text):
        if anchor.start() < done:
            continue
        begin, stop = corpus.bounds(corpus.turn_of(anchor.start()))
        left = max(begin, done, anchor.start() - _WINDOW_BEFORE)
        for start, end in _chains(corpus.text, left, min(stop, anchor.end() + _WINDOW_AFTER)):
            done = max(done, end)
            yield Candidate(start, end, PiiKind.ADDRESS, corpus.text[start:end])


def _chains(text: str, left: int, right: int) -> Iterator[tuple[int, int]]:
    """Spans of touching address elements that are precise enough to be masked."""
    chain: list[re.Match[str]] = []
    for element in _ELEMENT.finditer(text, left, right):
        larger = element.lastgroup in ("area", "town", "road") and chain and chain[-1].lastgroup in ("door", "room")
        if larger or (chain and not _joined(text, chain, element)):
            yield from _accepted(text, chain)
            chain = []
        if element.lastgroup == "room" and not (chain and chain[-1].lastgroup == "door"):
            yield from _accepted(text, chain)
            chain = []
            continue
        chain.append(element)
    yield from _accepted(text, chain)


def _joined(text: str, chain: list[re.Match[str]], element: re.Match[str]) -> bool:
    """Whether an element goes on with the chain; behind two places one unknown word may stand between."""
    if _GAP.fullmatch(text, chain[-1].end(), element.start()):
        return True
    known = sum(part.lastgroup in ("area", "town", "road") for part in chain) >= 2
    fits = element.lastgroup in ("town", "door") and _WORD_GAP.fullmatch(text, chain[-1].end(), element.start())
    return known and bool(fits)


def _accepted(text: str, chain: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    if not chain:
        return
    kinds = [element.lastgroup for element in chain]
    doors = kinds.count("door") + kinds.count("room")
    places = len(kinds) - doors
    towns = kinds.count("town")
    start, end = chain[0].start(), chain[-1].end()
    named = any(kind in ("road", "estate", "town") for kind in kinds)
    building = any(element.lastgroup == "door" and element.group()[-1] in "栋幢元楼" for element in chain)
    precise = (
        (named and doors >= 1 and kinds[-1] in ("door", "room"))
        or (building and doors >= 2)
        or (places >= 2 and towns >= 1 and chain[-1].group()[-1] in "村屯")
        or (kinds.count("area") >= 2 and named)
        or (places >= 2 and _CUE.search(text, max(0, start - _CUE_REACH), start) is not None)
    )
    if precise and not (doors == 0 and _PUBLIC_AFTER.match(text, end)):
        yield start, end
