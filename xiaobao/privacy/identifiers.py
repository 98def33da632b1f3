"""Identifiers with letters: e-mail, plate, passport, 统一社会信用代码, WeChat, QQ, typed passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.cn import uscc

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.cues import Cue, cues_asked, cues_before
from xiaobao.privacy.digits import DIGIT, to_ascii
from xiaobao.privacy.kinds import Candidate, PiiKind

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}[@＠](?:[A-Za-z0-9\-]{1,63}\.){1,4}[A-Za-z]{2,24}"
)
_SPOKEN_EMAIL = re.compile(
    rf"[A-Za-z0-9._{DIGIT}](?:[ ]?(?:[A-Za-z0-9._{DIGIT}]|下划线|[点杠])){{2,40}}[ ,，]?"
    r"(?:艾特|圈[aA]|小老鼠|at|AT|[@＠])[ ,，]?(?:QQ|qq|扣扣|网易|谷歌|新浪|foxmail|gmail|outlook|hotmail|sina|sohu"
    r"|1(?:63|26|39|89|88)(?!\d)|[一幺](?:六三|二六|三九|八九|八八))(?:邮箱)?"
    r"(?:[ ]?(?:点|\.|dot)[ ]?(?:com|康姆|cn|net|vip)){0,2}"
)
_MAIL_WORDS = ("@", "＠", "艾特", "圈a", "圈A", "小老鼠", "at", "AT")
_PLATE = re.compile(
    rf"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Za-hj-np-z][·•・.\- ]?"
    rf"(?=[A-Za-z]{{0,5}}[{DIGIT}])[A-HJ-NP-Za-hj-np-z{DIGIT}]{{5,6}}(?![A-Za-z{DIGIT}])"
)
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY](?<![A-Za-z0-9].)(?<![0-9].)[0-9A-HJ-NPQRTUWXY]{17}(?![A-Za-z0-9])")
_PASSPORT = re.compile(
    rf"[CDEGHKMPSTWcdeghkmpstw](?<![A-Za-z0-9].)[A-Za-z]?[ ]?(?:[{DIGIT}][ ]?){{6,9}}[{DIGIT}](?![A-Za-z0-9])"
)
_ACCOUNT = re.compile(
    r"(?:微信|威信|薇信|V信|v信|VX|Vx|vx|wx|WX|QQ|qq|Qq|扣扣|企鹅号)(?:号码?|账号|帐号|id|ID)?"
    r"[ ,，]?(?:就是|也是|还是|都是|是|为|叫|加|搜)?(?:我的?)?[ :：,，]{0,2}"
    rf"(?P<value>[A-Za-z][A-Za-z0-9{DIGIT}_\-]{{5,19}}|[{DIGIT}](?:[ \-]?[{DIGIT}]){{4,10}})(?![A-Za-z{DIGIT}])"
)
_AMOUNT_AFTER = re.compile(r"[ ]?[元块万千百亿%％十]")
_TYPED_PASSWORD = re.compile(
    rf"(?:密码|口令)(?:就?[也都]?是|改成|改为|设成|设为|为)?[ :：]{{0,2}}(?P<a>[A-Za-z@#!_][A-Za-z@#!_{DIGIT}]{{3,19}})"
    rf"|(?:改成|设成|改为)[ ]?(?P<b>[A-Za-z][A-Za-z@#!_{DIGIT}]{{2,18}}[{DIGIT}])"
)
_GAPS = str.maketrans("", "", " -·•・")
_LETTER = re.compile(r"[A-Za-z]")


def find_identifiers(corpus: Corpus) -> Iterator[Candidate]:
    """Every identifier with letters but WeChat and QQ; nearly free where the call holds none."""
    text = corpus.text
    if _LETTER.search(text):
        if any(word in text for word in _MAIL_WORDS):
            yield from _plain(_EMAIL, text, PiiKind.EMAIL)
            yield from _plain(_SPOKEN_EMAIL, text, PiiKind.EMAIL)
        yield from _plain(_PLATE, text, PiiKind.PLATE)
        yield from _uscc(corpus)
        yield from _passports(corpus)
        if "密码" in text or "口令" in text:
            yield from _typed_passwords(text)
    elif "艾特" in text or "小老鼠" in text:
        yield from _plain(_SPOKEN_EMAIL, text, PiiKind.EMAIL)


def _plain(pattern: re.Pattern[str], text: str, kind: PiiKind) -> Iterator[Candidate]:
    for match in pattern.finditer(text):
        yield Candidate(match.start(), match.end(), kind, _canonical(match.group()))


def _uscc(corpus: Corpus) -> Iterator[Candidate]:
    for match in _USCC.finditer(corpus.text):
        if match.group().isdigit():
            continue  # told apart from an ID card in `numbers`
        if uscc.is_valid(match.group()) or PiiKind.USCC in _context(corpus, match.start()):
            yield Candidate(match.start(), match.end(), PiiKind.USCC, match.group())


def _passports(corpus: Corpus) -> Iterator[Candidate]:
    for match in _PASSPORT.finditer(corpus.text):
        if PiiKind.PASSPORT in _context(corpus, match.start()):
            yield Candidate(match.start(), match.end(), PiiKind.PASSPORT, _canonical(match.group()))


def find_accounts(text: str) -> Iterator[Candidate]:
    """WeChat and QQ accounts; asked after phone numbers, which many people use as their WeChat account."""
    for match in _ACCOUNT.finditer(text):
        if not _AMOUNT_AFTER.match(text, match.end()):
            yield Candidate(match.start("value"), match.end("value"), PiiKind.WECHAT_QQ, _canonical(match["value"]))


def _typed_passwords(text: str) -> Iterator[Candidate]:
    for match in _TYPED_PASSWORD.finditer(text):
        group = "a" if match["a"] else "b"
        yield Candidate(match.start(group), match.end(group), PiiKind.PASSWORD_CODE, _canonical(match[group]))


def _context(corpus: Corpus, start: int) -> list[Cue]:
    return cues_before(corpus, start) or cues_asked(corpus, corpus.turn_of(start))


def _canonical(raw: str) -> str:
    """One value for the notations of one identifier: ASCII digits, upper case, no gaps."""
    return to_ascii(raw).upper().translate(_GAPS)
