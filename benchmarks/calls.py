"""Generated calls for throughput: invented phrases of ordinary service, put together by a seed. Not for quality."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson

TURNS = 20
_AGENT = [
    "您好，这里是安和银行客服中心，请问有什么可以帮您？",
    "好的，我帮您查询一下，请稍等片刻，系统正在读取您这笔业务的信息。",
    "您这笔账单的最后还款日是二十五号，本期应还金额是三千二百一十五元六角。",
    "这项业务在手机银行首页点击我的，再选择账户管理就可以自己办理了。",
    "为了您的信息安全，请报一下证件号码的后四位和预留的手机号码。",
    "核对无误，谢谢您的配合，这边已经为您提交申请，三个工作日内短信通知结果。",
    "费用方面跟您说明一下，年化利率是百分之七点二，没有其他的收费项目。",
    "如果您对结果有疑问，可以随时拨打我们的客服热线，我们会再次核实。",
    "理财产品不保本，净值会随市场波动，购买之前请您认真阅读风险揭示书。",
    "我理解您的着急，给您带来不便非常抱歉，我这边马上为您加急处理。",
    "您看还有没有其他的问题需要我帮您解答，没有的话祝您生活愉快，再见。",
    "这个情况需要主管核实，我登记一下，明天中午之前给您回电话，可以吗？",
]
_CUSTOMER = [
    "嗯，我想问一下我那张卡这个月的账单怎么比上个月多了这么多？",
    "好的，尾号是六六二三，手机就是现在打的这个号码。",
    "那我如果提前还的话，是不是就不用再付后面的利息了？",
    "我上周在网点问过，他们说要带身份证过去才能办，是这样吗？",
    "行，那你帮我登记一下吧，最好这两天能给我个准信。",
    "我这边信号不太好，你刚才说的我没有听清楚，麻烦再说一遍。",
    "我还有一笔贷款想改一下扣款日，改到每个月十号可不可以？",
    "可以可以，谢谢你啊，说得挺清楚的，我回头自己在手机上操作试试。",
]
_FAULTS = [
    ("wealth", "您就放心吧，这款产品稳赚不赔，本金绝对不会亏的。"),
    ("collections", "再不还钱我们就到你单位和你孩子的学校去找你。"),
    ("service", "投诉也没有用的，你投到哪里最后还是转回我们这里处理。"),
    ("service", "您把手机上收到的验证码念给我，我这边帮您操作就行。"),
    ("credit_card", "还不上就先从别的平台借一点，把这期倒过去再说。"),
]
_PII = ["我的手机号是13{0:09d}，你记一下。", "卡号是6222{0:015d}，帮我查查。", "我叫王建国，住在幸福路{0}号。"]


def calls(n: int, *, seed: int = 7, fault_share: float = 0.1, pii_share: float = 0.2) -> Iterator[bytes]:
    """`n` calls of 20 turns and about 2 kB, one JSON line each; `fault_share` of them hold one plain violation."""
    rng = random.Random(seed)
    for i in range(n):
        business, fault = rng.choice(_FAULTS) if rng.random() < fault_share else ("service", None)
        turns: list[dict[str, Any]] = []
        for t in range(TURNS):
            agent = t % 2 == 0
            text = _AGENT[0] if t == 0 else rng.choice(_AGENT[1:] if agent else _CUSTOMER)
            turns.append({"speaker": "agent" if agent else "customer", "text": text})
        turns[18]["text"] = _AGENT[10]
        if fault:
            turns[rng.randrange(4, 16, 2)]["text"] = fault
        if rng.random() < pii_share:
            turns[5]["text"] = rng.choice(_PII).format(rng.randrange(10**8, 10**9))
        yield orjson.dumps(
            {
                "call_id": f"BENCH-{i:06d}",
                "channel": "phone",
                "business": business,
                "direction": "inbound" if business == "service" else "outbound",
                "started_at": f"2026-06-{1 + i % 28:02d}T{9 + i % 9:02d}:{i % 60:02d}:00+08:00",
                "agent": {"id": f"A{i % 97:03d}"},
                "customer": {"id": f"U{i % 4999:05d}", "risk_level": "R2"},
                "context": {"contacts_today": 1, "identity_verified": True},
                "turns": turns,
            }
        )
