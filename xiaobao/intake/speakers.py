"""Who is speaking: the vendor's label becomes one of four roles, and a label we do not know becomes `other`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from xiaobao.domain import Direction, Speaker
from xiaobao.intake.aliases import fold

_LABELS: dict[Speaker, str] = {
    Speaker.AGENT: (
        "agent staff seat operator teller representative rep employee 坐席 座席 坐席员 座席员 客服 客服人员 客服代表 "
        "客服专员 人工客服 催收员 催收 催收专员 催收坐席 柜员 柜台 经理 客户经理 理财经理 大堂经理 支行经理 业务员 "
        "业务经理 销售 销售员 销售经理 保险代理人 代理人 理财顾问 顾问 投资顾问 专员 信贷员 信贷经理 话务员 接线员 "
        "员工 工作人员 银行 "
        "客服人員 催收員 櫃員 經理 客戶經理 理財經理 業務員 銷售員 專員"
    ),
    Speaker.CUSTOMER: (
        "customer client user cust 客户 顾客 用户 机主 持卡人 借款人 欠款人 债务人 投保人 被保险人 投资者 投资人 "
        "来电人 来电者 客人 储户 客戶 顧客 用戶 機主"
    ),
    Speaker.OTHER: (
        "other third_party unknown 其他 其它 第三方 第三人 家属 亲属 家人 同事 朋友 联系人 担保人 未知 旁人 路人"
    ),
    Speaker.SYSTEM: "system ivr notice 系统 系统提示 系统消息 系统通知 语音提示 提示音 自动语音 导航语音 系統 語音提示",
}
_ROLES: dict[str, Speaker] = {fold(word): role for role, words in _LABELS.items() for word in words.split()}
_CUSTOMER_SIDE = frozenset(fold(word) for word in ("对方", "来电方", "对方说话人"))
_BOTS = frozenset(fold(word) for word in ("机器人", "智能客服", "智能外呼", "外呼机器人", "bot", "robot", "assistant"))
_CALLERS = frozenset(fold(word) for word in ("主叫", "caller", "calling"))
_CALLEES = frozenset(fold(word) for word in ("被叫", "callee", "called"))
_BRACKETED = re.compile(r"[(（\[【][^)）\]】]{0,40}[)）\]】]")
_NUMBERED = re.compile(r"[a-z]{0,3}\d{1,12}$")
_ROLE_KEYS = ("role", "speaker", "identity", "name")


def known_role(label: str) -> Speaker | None:
    """The role a label names by itself: 客服, 坐席A001, 客户（王先生）, AGENT; None when it needs a rule or a map."""
    bare = _BRACKETED.sub("", label).strip()
    folded = fold(bare)
    head = fold(re.split(r"[\s\-_—:：]", bare, maxsplit=1)[0])
    for candidate in (folded, _NUMBERED.sub("", folded), head):
        role = _ROLES.get(candidate)
        if role is not None:
            return role
    return None


def names_a_side(label: str) -> bool:
    """Whether a text line that begins with this label and a colon is certainly somebody speaking."""
    bare = fold(_BRACKETED.sub("", label))
    return known_role(label) is not None or any(bare in words for words in (_CUSTOMER_SIDE, _BOTS, _CALLERS, _CALLEES))


def _named(value: object) -> Speaker | None:
    return known_role(value) if isinstance(value, str) else None


def _explicit_map(raw: object) -> dict[str, Speaker]:
    """`{"0": "agent"}`, `{"agent": 0}` or `[{"id": "spk0", "role": "客服"}]` as label → role."""
    found: dict[str, Speaker] = {}
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            label, role = str(key), _named(value)
            if role is None:
                label, role = str(value), _named(label)
            if role is not None:
                found[fold(label)] = role
    elif isinstance(raw, Sequence) and not isinstance(raw, str):
        for entry in raw:
            if not isinstance(entry, Mapping):
                continue
            role = next((r for key in _ROLE_KEYS if (r := _named(entry.get(key))) is not None), None)
            label = next((entry[key] for key in ("id", "channel_id", "channel", "speaker_id") if key in entry), None)
            if role is not None and label is not None:
                found[fold(str(label))] = role
    return found


class SpeakerMap:
    """Resolves the labels of one call and remembers what it has to tell about them."""

    def __init__(self, *, direction: Direction | None, explicit: object = None, agent_channel: Any = None) -> None:
        self._direction = direction
        self._map = _explicit_map(explicit)
        agent_side = str(agent_channel).strip()
        if agent_side in ("0", "1"):
            self._map.setdefault(agent_side, Speaker.AGENT)
            self._map.setdefault("1" if agent_side == "0" else "0", Speaker.CUSTOMER)
        self._known: dict[str, Speaker] = {}
        self._unknown: Counter[str] = Counter()
        self._told: dict[str, None] = {}

    @property
    def mapped(self) -> bool:
        """Whether the record brought its own map of labels."""
        return bool(self._map)

    def resolve(self, raw: object) -> Speaker:
        """The role; never raises. Unknown labels become `other` and are counted for `notes`."""
        label = raw.strip() if isinstance(raw, str) else "" if raw is None else str(raw)
        role = self._known.get(label)
        if role is None:
            role = self._decide(label)
            if role is None:
                self._unknown[label] += 1
                return Speaker.OTHER
            self._known[label] = role
        return role

    def _decide(self, label: str) -> Speaker | None:
        folded = fold(label)
        if folded in self._map:
            return self._map[folded]
        role = known_role(label)
        if role is not None:
            return role
        bare = fold(_BRACKETED.sub("", label))
        if bare in _CUSTOMER_SIDE:
            self._told[f"说话人 {label[:20]!r} 按客户处理"] = None
            return Speaker.CUSTOMER
        if bare in _BOTS:
            self._told[f"说话人 {label[:20]!r} 代表机构，按坐席处理"] = None
            return Speaker.AGENT
        if self._direction is not None and (bare in _CALLERS or bare in _CALLEES):
            agent_calls = self._direction is Direction.OUTBOUND
            role = Speaker.AGENT if (bare in _CALLERS) == agent_calls else Speaker.CUSTOMER
            self._told[f"说话人 {label[:20]!r} 由呼叫方向推出，记为 {role.value}"] = None
            return role
        return None

    def notes(self) -> list[str]:
        told = list(self._told)
        for label, count in self._unknown.most_common(5):
            what = f"说话人 {label[:20]!r} 未识别" if label else "未给出说话人"
            told.append(f"{what}，记为 other（{count} 轮）")
        if len(self._unknown) > 5:
            told.append(f"另有 {len(self._unknown) - 5} 个说话人未识别，记为 other")
        return told
