"""Words that say what the number next to them is."""

from __future__ import annotations

import re
from enum import StrEnum

from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.kinds import PiiKind


class Topic(StrEnum):
    """What a number is when it is not personal data."""

    ORDER = "order"
    """Order, ticket, contract, policy or case number."""
    QUANTITY = "quantity"
    """Money, rate, term, count, date."""
    TAIL = "tail"
    """尾号 and the like: its four digits stay readable, they are what people identify a card by."""


Cue = PiiKind | Topic

_WORDS: dict[Cue, str] = {
    PiiKind.PASSWORD_CODE: (
        "验证码 验征码 校验码 登录码 动态码 动态密码 短信码 密码 口令 安全码 CVV 背后三位 后三位 个码 串码 码是 "
        "四个数 六个数 八个数 四位数 六位数 八位数 四位的 六位的 念数 那个数 那串数"
    ),
    PiiKind.PASSPORT: "护照 护照号 护照号码 通行证 通行证号 通行证号码 回乡证 台胞证 台胞证号码 旅行证 居留证",
    PiiKind.USCC: "信用代码 税号 统一代码 纳税人识别号",
    PiiKind.ID_CARD: "身份证 身份证号 身份证号码 身份证件 身份证件号 身份证件号码 证件 证件号 证件号码 身份号 身份号码",
    PiiKind.WECHAT_QQ: "微信 微信号 威信 薇信 V信 v信 VX vx wx QQ qq Qq 扣扣 企鹅号",
    PiiKind.LANDLINE: "座机 座机号 座机号码 固话 固定电话 宅电",
    PiiKind.MOBILE: "手机 电话 号码 联系方式 拨打 打给 预留号",
    PiiKind.BANK_CARD: (
        "卡号 银行卡 银行卡号 银行卡号码 储蓄卡 储蓄卡号 借记卡 借记卡号 工资卡 工资卡号 账号 帐号 账户 账户号码 "
        "帐户 代管户 对公户"
    ),
    Topic.ORDER: (
        "中奖号码 彩票号码 开奖号码 抽奖号码 快递号码 订单号码 合同号码 排队号码 业务号码 预约号码 奖号 单号 订单 "
        "编号 工号 流水 合同 案号 保单 工单 凭证 借据 发票 快递 批单 参考号 交易号 受理号 登记号 房间号 会议号 "
        "型号 代码 序列号 商户号 条码 编码 邮编 文号 期号 版本"
    ),
    Topic.QUANTITY: (
        "金额 余额 欠款 欠 还款 本金 利息 罚息 利率 额度 日期 年化 净值 份额 保费 收益 价格 总共 一共 合计 剩"
    ),
    Topic.TAIL: "尾号 尾数 后四位 末四位 后4位 末4位 最后四位 后四个 开头",
}
_CUE_OF = {word: cue for cue, words in _WORDS.items() for word in words.split()}
# Literal branches only, the longest first: 银行卡号码 announces a card, not a phone.
_CUE = re.compile("|".join(sorted(_CUE_OF, key=len, reverse=True)))
NUMBER_CUE = re.compile("|".join(word for word, cue in _CUE_OF.items() if isinstance(cue, PiiKind)))
"""Any word that announces a personal number."""

SAME_TURN_REACH = 24
"""Characters before a number within which a cue of the same turn speaks for it."""
TURNS_BACK = 3
"""Turns before an answer in which its question may stand; agents say 嗯 and 请讲 in between."""


def cues(text: str, start: int, end: int) -> list[Cue]:
    """The cues in `text[start:end]`, in order."""
    return [_CUE_OF[match.group()] for match in _CUE.finditer(text, start, end)]


def cues_before(corpus: Corpus, start: int) -> list[Cue]:
    """Cues of the same turn that stand close before a number, in order."""
    begin, _ = corpus.bounds(corpus.turn_of(start))
    return cues(corpus.text, max(begin, start - SAME_TURN_REACH), start)


def cues_asked(corpus: Corpus, turn: int) -> list[Cue]:
    """Cues of the latest earlier turn, at most `TURNS_BACK` away, that holds any."""
    for earlier in range(turn - 1, max(-1, turn - 1 - TURNS_BACK), -1):
        found = cues(corpus.text, *corpus.bounds(earlier))
        if found:
            return found
    return []
