"""What counts as personal data here, and where a piece of it lies in a call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PiiKind(StrEnum):
    NAME = "name"
    ID_CARD = "id_card"
    """居民身份证, 18 or (until 2004) 15 digits, or at least six of its digits in a row."""
    BANK_CARD = "bank_card"
    MOBILE = "mobile"
    LANDLINE = "landline"
    EMAIL = "email"
    ADDRESS = "address"
    WECHAT_QQ = "wechat_qq"
    PASSPORT = "passport"
    """Passport and the permits for 港澳台."""
    PLATE = "plate"
    USCC = "uscc"
    """统一社会信用代码 (GB 32100)."""
    PASSWORD_CODE = "password_code"  # noqa: S105 - the name of a kind
    """A one-time code, PIN or password whose value was said or typed."""

    @property
    def zh(self) -> str:
        """The word shown inside a placeholder."""
        return _ZH[self]


_ZH = {
    PiiKind.NAME: "人名",
    PiiKind.ID_CARD: "身份证号",
    PiiKind.BANK_CARD: "卡号",
    PiiKind.MOBILE: "手机号",
    PiiKind.LANDLINE: "座机号",
    PiiKind.EMAIL: "邮箱",
    PiiKind.ADDRESS: "地址",
    PiiKind.WECHAT_QQ: "微信QQ号",
    PiiKind.PASSPORT: "证件号",
    PiiKind.PLATE: "车牌号",
    PiiKind.USCC: "信用代码",
    PiiKind.PASSWORD_CODE: "口令",
}


@dataclass(frozen=True, slots=True)
class PiiSpan:
    """One piece of personal data: `turns[turn].text[start:end]`."""

    turn: int
    """0-based."""
    start: int
    end: int
    """Exclusive; both in code points of the raw turn."""
    kind: PiiKind
    placeholder: str
    """E.g. `〔手机号1〕`; the same value has the same one everywhere in the call."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recogniser's proposal, in code points of the whole call (`Corpus.text`)."""

    start: int
    end: int
    kind: PiiKind
    value: str
    """Canonical form: ASCII digits for a number in any notation, the text itself otherwise."""
