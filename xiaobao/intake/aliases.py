"""Names that vendors give to the fields of a call, and the words they use as values.

Matching is on the folded name: width (NFKC), case, spaces, `_`, `-` and `.` do not count, so `BeginOffsetMillis`,
`begin_offset_millis` and `begin offset millis` are one name. Earlier aliases win over later ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from xiaobao.domain import Business, Channel, Direction

_IGNORED = re.compile(r"[\s_\-.·\ufeff]+")


def fold(name: str) -> str:
    """A field name or value as it is compared."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", name)).casefold()


def _names(*groups: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fold(name) for group in groups for name in group.split()))


CALL_FIELDS: dict[str, tuple[str, ...]] = {
    "call_id": _names(
        "call_id conversation_id dialog_id dialogue_id session_id contact_id record_id recording_id tid task_id",
        "通话编号 会话ID 会话编号 通话ID 录音编号 录音ID 通话流水号 流水号 对话编号 对话ID id",
    ),
    "channel": _names("channel channel_type media_type 渠道 沟通渠道 服务渠道 媒体类型"),
    "business": _names("business business_type business_line biz biz_type 业务 业务类型 业务线 业务条线 条线"),
    "direction": _names("direction call_direction call_type 方向 呼叫方向 通话方向 呼叫类型"),
    "started_at": _names(
        "started_at start_time begin_time call_time call_start call_start_time start_at datetime",
        "通话时间 通话开始时间 呼叫时间 会话时间 开始时间 开始时刻",
    ),
    "agent": _names("agent staff seat 坐席 座席 客服 员工"),
    "agent_id": _names(
        "agent_id agent_no staff_id seat_id operator_id",
        "坐席工号 座席工号 客服工号 工号 坐席ID 坐席编号 员工工号 员工编号",
    ),
    "agent_name": _names("agent_name staff_name seat_name 坐席姓名 座席姓名 客服姓名 员工姓名"),
    "agent_team": _names("agent_team team 班组 组别 团队 坐席组"),
    "agent_org": _names("agent_org org organization branch 机构 分行 所属机构"),
    "customer": _names("customer client 客户"),
    "customer_id": _names("customer_id client_id cust_id cust_no user_id uid 客户号 客户编号 客户ID 用户ID 用户编号"),
    "age_band": _names("age_band customer_age_band 年龄段 客户年龄段"),
    "risk_level": _names("risk_level customer_risk customer_risk_level 客户风险等级 风险承受能力 客户风险承受能力"),
    "is_debtor": _names("is_debtor 是否债务人 是否借款人本人"),
    "context": _names("context"),
    "turns": _names(
        "turns dialogue dialog sentences utterances messages transcript segments 对话 轮次列表 对话内容 通话内容"
    ),
    "speaker_map": _names("speaker_map role_map channel_map speakers roles identity_map 角色映射 声道映射"),
    "agent_channel": _names("agent_channel 坐席声道"),
}
"""Field of the interchange format → folded names, best first."""

TURN_FIELDS: dict[str, tuple[str, ...]] = {
    "speaker": _names("speaker role identity speaker_role speaker_id channel_id 说话人 角色 发言人 身份 声道"),
    "text": _names("text content words sentence utterance message 内容 文本 话术 说话内容 对话内容 转写文本"),
    "start": _names(
        "start begin start_time begin_time begin_offset_millis start_ms begin_ms start_offset offset timestamp time",
        "开始 起始 开始时间 起始时间 时间 开始毫秒",
    ),
    "end": _names("end end_time finish end_offset_millis end_ms end_offset 结束 结束时间 终止时间 结束毫秒"),
}
"""Field of a turn → folded names, best first."""

TURN_NUMBER = _names("turn turn_no turn_index turn_id seq index no 轮次 序号 轮次序号 顺序")
"""Columns of a table that number the turns of a call."""

CONTAINERS = frozenset(_names("calls records items data list conversations sessions results 通话 通话列表"))
"""Keys under which one JSON document holds a list of calls."""

CONTEXT_FIELDS: dict[str, str] = {
    folded: key
    for key, names in {
        "product": "product product_name 产品 产品名称",
        "product_risk": "product_risk product_risk_level 产品风险等级 产品风险",
        "contacts_today": "contacts_today 今日联系次数 当日联系次数 当日拨打次数",
        "callee_relation": "callee_relation 接听人关系 被叫关系 被叫人关系 与客户关系",
        "overdue_days": "overdue_days 逾期天数",
        "overdue_amount": "overdue_amount 逾期金额",
        "stage": "stage 催收阶段 逾期阶段",
        "identity_verified": "identity_verified 已核身 身份已核实",
        "recording_notice_required": "recording_notice_required 需告知录音",
        "marketing_optout": "marketing_optout 拒绝营销",
        "litigation_filed": "litigation_filed 已起诉",
        "local_tz": "local_tz 时区",
    }.items()
    for folded in _names(names)
}
"""Folded name → key of `context` that the shipped rules know. Any other name is kept as it is."""

CONTEXT_NUMBERS = frozenset({"contacts_today", "overdue_days", "overdue_amount"})
CONTEXT_FLAGS = frozenset({"identity_verified", "recording_notice_required", "marketing_optout", "litigation_filed"})


def _by_word(table: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {word: value for value, words in table for word in _names(value, words)}


CHANNELS = {
    word: Channel(value)
    for word, value in _by_word(
        [
            ("phone", "call tel telephone voice audio 电话 语音 通话 录音 热线"),
            ("chat", "im text web online app wechat 在线 文本 在线客服 微信 企业微信 公众号 小程序 网页 手机银行"),
            ("video", "视频 视频客服 双录 远程视频"),
            ("email", "mail 邮件 电子邮件"),
        ]
    ).items()
}
BUSINESSES = {
    word: Business(value)
    for word, value in _by_word(
        [
            ("collections", "collection 催收 贷后 贷后管理 贷后催收 逾期催收"),
            ("wealth", "fund funds 理财 基金 财富 财富管理 理财销售 基金销售"),
            ("insurance", "保险 保险销售 银保"),
            ("loan", "loans credit 贷款 信贷 个人贷款 消费贷"),
            ("credit_card", "creditcard card 信用卡"),
            ("service", "customer_service 客服 咨询 客户服务 服务 投诉"),
        ]
    ).items()
}
DIRECTIONS = {
    word: Direction(value)
    for word, value in _by_word(
        [
            ("inbound", "in incoming 呼入 来电 进线 客户呼入"),
            ("outbound", "out outgoing 呼出 外呼 去电 坐席外呼"),
        ]
    ).items()
}
TRUE_WORDS = frozenset(_names("true yes y 1 是 有 已"))
FALSE_WORDS = frozenset(_names("false no n 0 否 无 未"))
