"""A review context over a small pack, the real clauses and, where asked for, a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphs.review_service import ReviewService
from graphs.review_state import Case, ReviewContext
from kb.clauses import load_clause_book
from kb.remedies import load_remedies
from kb.scorecards import load_scorecard
from tests.rules.packs import call, pack
from xiaobao.domain import Judgment, Transcript
from xiaobao.findings import FindingFactory
from xiaobao.rules.engine import RuleSet
from xiaobao.store.engine import create_store_engine, sqlite_url
from xiaobao.store.judgments import JudgmentStore
from xiaobao.store.migrate import upgrade

NOW = datetime.fromisoformat("2026-06-16T09:00:00+08:00")
CITES = ["pbc-2020-5-financial-consumer#23", "nfra-2025-7-suitability#13"]
GUARANTEE = {
    "id": "t.guarantee",
    "cites": CITES,
    "detect": {"say": ["稳赚不赔"]},
    "remedy": ["回访更正"],
    "right_wording": "不保本",
}
CANDIDATE = {
    "id": "t.candidate",
    "category": "product_confusion",
    "cites": ["nfra-2025-7-suitability#13"],
    "detect": {"say": ["当存款"]},
    "verdict": "candidate",
}
HOURS = {
    "id": "t.hours",
    "category": "contact_time_frequency",
    "cites": ["nfra-2024-4-consumer-finance#57"],
    "detect": {"compute": "outside_contact_hours", "params": {"from": "08:00", "to": "22:00"}},
}
BAD = call("客户：会亏吗", "客服：放心，稳赚不赔的", call_id="bad")
MAYBE = call("客户：这是什么", "客服：您就当存款放着", call_id="maybe")
CLEAN = call("客户：会亏吗", "客服：会的，净值会波动", call_id="clean")


def answer(outcome: str, turns: list[int], quote: str, clause_id: str = "") -> str:
    """A well-formed reply of the judge."""
    return json.dumps(
        {"turns": turns, "quote": quote, "clause_id": clause_id, "reason": "测试理由", "outcome": outcome},
        ensure_ascii=False,
    )


Judge = Callable[..., Judgment]


def context(*rules: dict[str, Any], **fields: Any) -> ReviewContext:
    compiled = RuleSet(pack(*(rules or (GUARANTEE, CANDIDATE, HOURS))))
    book = load_clause_book()
    return ReviewContext(
        rules=compiled,
        factory=FindingFactory(compiled, book, {"t.guarantee": 0.9}),
        scorecard=load_scorecard(),
        remedies=load_remedies(),
        kb_snapshot=book.snapshot,
        now=lambda: NOW,
        **fields,
    )


def review(transcript: Transcript, *rules: dict[str, Any], **fields: Any) -> Judgment:
    reviewed, _ = ReviewService(context(*rules, **fields)).review_now([Case(transcript)])
    return reviewed[0].judged.judgment


@pytest.fixture
def store(tmp_path: Path) -> JudgmentStore:
    engine = create_store_engine(sqlite_url(tmp_path / "x.sqlite3"))
    upgrade(engine)
    return JudgmentStore(engine)
