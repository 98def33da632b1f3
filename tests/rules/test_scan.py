"""The one-pass filter may name too much and never too little."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.policies import load_pack
from tests.rules.packs import call, pack
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.patterns import Lexicon, compile_pattern
from xiaobao.rules.scanner import Scanner
from xiaobao.rules.text import fold, fold_offsets, may_need_folding

PATTERNS = [
    "保证.{0,6}不亏",
    "(稳|包)赚",
    "[甲乙丙丁]{1,4}点",
    "不(能|会)?保本",
    "(?<!不)上门",
    "利率[0-9.]{1,5}%",
    "验证码(?!不要)",
    "老?师",
]
_COMPILED = [compile_pattern(p, Lexicon({})) for p in PATTERNS]
_SCANNER = Scanner(_COMPILED)
_LENS = _SCANNER.lens(set(range(len(_COMPILED))))
_CHARS = "保证不亏稳包赚甲乙点能会本上门利率3.5%验码要老师的这个，。 "


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet=_CHARS, max_size=30), min_size=1, max_size=6))
def test_whatever_matches_exactly_is_named_by_the_scan(turns: list[str]) -> None:
    folded = [fold(turn) for turn in turns]
    found = _SCANNER.scan(folded, _LENS)
    for pid, pattern in enumerate(_COMPILED):
        exact = {i for i, turn in enumerate(folded) if pattern.exact.search(turn)}
        assert all(found.get(pid, 0) >> turn & 1 for turn in exact), pattern.source


def test_shipped_patterns_are_never_missed_on_their_own_words(rule_cache: Path) -> None:
    """Random windows glued from pieces of the shipped patterns: a far wider net than the examples."""
    rules = RuleSet(load_pack(), cache_dir=rule_cache)
    rng = random.Random(3)
    pieces = [example for rule in rules.specs.values() for example in rule.examples.fires if isinstance(example, str)]
    scanner = Scanner(rules.patterns)
    lens = scanner.lens(set(range(len(rules.patterns))))
    for _ in range(60):
        turns = [fold("".join(rng.sample(pieces, 2))) for _ in range(4)]
        found = scanner.scan(turns, lens)
        for pid, pattern in enumerate(rules.patterns):
            exact = {i for i, turn in enumerate(turns) if pattern.exact.search(turn)}
            assert all(found.get(pid, 0) >> turn & 1 for turn in exact), pattern.source


def test_a_plan_is_made_once_and_kept(tmp_path: Path) -> None:
    rule = {"detect": {"say": ["保本"]}}
    RuleSet(pack(rule), cache_dir=tmp_path)
    (cached,) = tmp_path.glob("scan-*.json")
    before = cached.stat().st_mtime_ns
    RuleSet(pack(rule), cache_dir=tmp_path)
    assert cached.stat().st_mtime_ns == before
    _, verdicts = RuleSet(pack(rule), cache_dir=tmp_path).judge(call("客服：保本"))
    assert verdicts[0].state == "hit"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_folding_is_idempotent_and_keeps_the_way_back(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    offsets = fold_offsets(text)
    assert len(offsets) == len(folded) + 1
    assert all(fold(text[offsets[i]]) == folded[i] for i in range(len(folded)))
    if not may_need_folding(text):
        assert folded == text


def test_equal_patterns_share_one_id() -> None:
    rules = RuleSet(pack({"detect": {"say": ["保本", "稳赚"]}}, {"detect": {"say": ["保本"]}}))
    assert rules.pattern_count == 2
