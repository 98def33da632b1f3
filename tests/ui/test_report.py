"""The page as text: exact evidence, hidden personal data, escaped words, honest totals."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from graphs.batch import BatchItem
from tests.rules.packs import call
from tests.ui.reports import PAYLOADS, Marks, hostile_call, judged, page
from ui.presentation import ShownCall
from ui.report import MAX_CALLS
from xiaobao.domain import Judgment, Outcome, Quote, Transcript


def of(item: BatchItem) -> tuple[Transcript, Judgment]:
    assert item.transcript is not None
    assert item.document is not None
    return Transcript.model_validate_json(item.transcript), Judgment.model_validate_json(item.document)


def test_marks_hold_exactly_the_quoted_words_in_their_turn_and_lead_to_their_finding() -> None:
    item = judged(
        call("客户：会亏吗", "客服：您看看，放心，稳赚不赔的。别的以后再说。", "客服：您就当存款放着。好吧？")
    )
    _, judgment = of(item)
    expected = [(f"c1t{q.turn}", f"c1-{f.finding_id}", q.text) for f in judgment.findings for q in f.quotes]
    assert len(expected) == 2
    assert sorted(Marks(page(item)).found) == sorted(expected)


def test_every_mark_leads_to_a_finding_that_is_on_the_page() -> None:
    html = page(*(judged(call("客户：会亏吗", f"客服：第{n}款稳赚不赔", call_id=f"C-{n}"), n) for n in range(3)))
    marks = Marks(html).found
    assert len({finding for _, finding, _ in marks}) == 3
    assert all(f'id="{finding}"' in html for _, finding, _ in marks)


def test_overlapping_quotes_cut_the_turn_without_losing_or_doubling_a_character() -> None:
    transcript, judgment = of(judged(call("客服：这款稳赚不赔您就当存款放着吧")))
    text = transcript.turns[0].text
    spans = [(2, 6), (4, 12)]
    findings = tuple(
        finding.model_copy(update={"quotes": (Quote(turn=0, text=text[start:end], start=start, end=end),)})
        for finding, (start, end) in zip(judgment.findings, spans, strict=True)
    )
    shown = ShownCall(transcript, judgment.model_copy(update={"findings": findings}))
    pieces = shown.turn(0)
    assert "".join(piece.text for piece in pieces) == text
    assert [(piece.text, len(piece.findings)) for piece in pieces if piece.findings] == [
        (text[2:4], 1),
        (text[4:6], 2),
        (text[6:12], 1),
    ]


def test_personal_data_is_partly_hidden_in_turns_and_quotes() -> None:
    html = page(judged(call("客户：我叫张伟，手机13812345678", "客服：张伟先生，13812345678，这款稳赚不赔")))
    assert "138****5678" in html
    assert "13812345678" not in html
    assert "张伟" not in html
    assert "稳赚不赔" in html


def test_a_quote_that_begins_inside_a_number_shows_no_more_of_it() -> None:
    transcript, judgment = of(judged(call("客服：打13812345678，稳赚不赔")))
    finding = next(f for f in judgment.findings if f.outcome is Outcome.VIOLATED)
    cut = finding.quotes[0].model_copy(update={"start": 5, "text": transcript.turns[0].text[5 : finding.quotes[0].end]})
    judgment = judgment.model_copy(update={"findings": (finding.model_copy(update={"quotes": (cut,)}),)})
    shown = ShownCall(transcript, judgment)
    assert "12345678" not in shown.quote(cut)
    assert "138****5678" in "".join(piece.text for piece in shown.turn(0))


def test_markup_of_a_call_is_shown_and_never_markup() -> None:
    broken = BatchItem(7, f"{PAYLOADS[0]}.jsonl", 3, "rejected", reason=f"坏记录{PAYLOADS[2]}")
    html = page(judged(hostile_call(), notes=(PAYLOADS[3], PAYLOADS[6])), broken)
    for payload in PAYLOADS:
        assert escape(payload) in html.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert html.count("<script>") == 1
    assert Marks(html).tags.isdisjoint({"img", "svg"})


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    html = page(judged(hostile_call()))
    assert "Content-Security-Policy\" content=\"default-src 'none'" in html
    assert not re.search(r"\bsrc=[\"']?(?!x)", html.replace(escape(PAYLOADS[1]), ""))
    assert not re.search(r"https?:/" r"/|<link|@import|url\(", html)


def test_a_run_of_10000_calls_shows_the_200_worst_and_says_so() -> None:
    bad = judged(call("客户：会亏吗", "客服：稳赚不赔", call_id="CALL-ID"))
    clean = judged(call("客户：会亏吗", "客服：净值会波动", call_id="CALL-ID"))
    assert bad.document is not None
    assert clean.document is not None
    items = []
    for n in range(10_000):
        source = bad if n % 40 == 0 else clean  # 250 bad ones: more than the page shows
        document, transcript = source.document or b"", source.transcript or b""
        name = f"N-{n}".encode()
        items.append(
            replace(
                source,
                item=n,
                document=document.replace(b"CALL-ID", name),
                transcript=transcript.replace(b"CALL-ID", name),
            )
        )
    html = page(*items)
    assert html.count('<section class="call"') == MAX_CALLS == 200
    assert html.count('data-violated="1"') == 200
    assert "共 10000 通，下面列出问题最多的 200 通" in html
    assert "<b>250</b><span>有违规的通话</span>" in html
    assert len(html.encode()) < 5_000_000


def test_totals_count_rejected_and_duplicate_records_as_received() -> None:
    html = page(
        judged(call("客服：稳赚不赔", call_id="a"), 0),
        judged(call("客服：您好", call_id="b"), 1),
        BatchItem(2, "x.jsonl", 3, "rejected", reason="缺少 turns"),
        BatchItem(3, "x.jsonl", 4, "duplicate", "a", "与 x.jsonl 第 1 行 相同"),
    )
    assert "<b>2</b><span>已判读 / 收到 4</span>" in html
    assert "未判读的记录（1）" in html
    assert "缺少 turns" in html


def test_an_empty_run_is_a_page_that_says_so() -> None:
    html = page()
    assert "<b>0</b><span>已判读 / 收到 0</span>" in html
    assert "平均得分（n=0）" in html
