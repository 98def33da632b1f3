from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake.samples import call_of, error_of, only, read
from xiaobao.domain import MAX_TURNS
from xiaobao.intake import IntakeLimits, read_transcripts

HEAD = "call_id,turn,speaker,text,start,end,business,agent_id,customer_id\n"
ROWS = "C-1,1,客服,您好，请问是王先生吗,0,2.5,催收,A1,U1\nC-1,2,客户,是我,2.6,3,催收,A1,U1\n"
TWO = HEAD + ROWS.replace("，", "") + "C-2,1,客服,喂,0,1,保险,A2,U2\n"


def write(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_rows_become_turns_and_repeated_columns_become_the_call(tmp_path: Path) -> None:
    first, second = read(write(tmp_path, TWO))
    call = call_of(first)
    assert (call.business, call.agent.id, call.customer.id, first.line) == ("collections", "A1", "U1", 2)
    assert [(t.speaker.value, t.text, t.start, t.end) for t in call.turns] == [
        ("agent", "您好请问是王先生吗", 0.0, 2.5),
        ("customer", "是我", 2.6, 3.0),
    ]
    assert (second.line, call_of(second).business) == (4, "insurance")


def test_chinese_headers_are_understood(tmp_path: Path) -> None:
    text = (
        "通话编号,轮次,角色,内容,开始,结束,坐席工号,客户号,业务,渠道,方向,通话时间,产品风险等级,当日联系次数,备注\n"
        "C-1,1,坐席,您好,0,1,A1,U1,理财,电话,外呼,2026/5/12 10:03,R4,5,重点\n"
    )
    record = only(write(tmp_path, text))
    call = call_of(record)
    assert (call.business, call.channel, call.direction) == ("wealth", "phone", "outbound")
    assert call.context == {"product_risk": "R4", "contacts_today": 5, "备注": "重点"}
    assert call.started_at is not None and call.started_at.hour == 10


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    assert len(read(write(tmp_path, TWO.replace(",", delimiter)))) == 2


def test_quoted_cells_keep_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    record = only(write(tmp_path, 'call_id,speaker,text\nC-1,客服,"您好,""王先生""\n在吗"\n'))
    assert call_of(record).turns[0].text == '您好,"王先生"\n在吗'


def test_a_turn_longer_than_the_csv_modules_default_is_read(tmp_path: Path) -> None:
    record = only(write(tmp_path, f"call_id,speaker,text\nC-1,客服,{'啊' * 150_000}\n"))
    assert len(call_of(record).turns[0].text) == 150_000


def test_a_call_is_handed_on_at_its_last_row_and_scattered_rows_are_gathered(tmp_path: Path) -> None:
    text = "call_id,speaker,text\nA,客服,一\nB,客服,二\nA,客户,三\nC,客服,四\nB,客户,五\n"
    got = [(r.call_id, [t.text for t in call_of(r).turns]) for r in read(write(tmp_path, text))]
    assert got == [("A", ["一", "三"]), ("C", ["四"]), ("B", ["二", "五"])]


def test_rows_are_put_in_the_order_of_their_turn_numbers_and_told(tmp_path: Path) -> None:
    record = only(write(tmp_path, "call_id,turn,speaker,text\nA,10,客户,三\nA,2,客服,一\nA,9,客服,二\n"))
    assert [t.text for t in call_of(record).turns] == ["一", "二", "三"]
    assert record.notes[:2] == ("各行未按轮次排列，已按轮次排序", "轮次编号不连续，可能缺行")


def test_columns_that_change_within_a_call_keep_the_first_value_and_are_told(tmp_path: Path) -> None:
    record = only(write(tmp_path, "call_id,speaker,text,agent_id\nA,客服,一,A1\nA,客服,二,A2\n"))
    assert call_of(record).agent.id == "A1"
    assert any("'agent_id' 在同一通话内不一致" in note for note in record.notes)


def test_a_table_without_an_id_column_is_one_call_named_after_the_file(tmp_path: Path) -> None:
    assert only(write(tmp_path, "speaker,text\n客服,您好\n客户,好\n", "录音3.csv")).call_id == "录音3"


BROKEN = [
    ("B,2,客户,二,多一列,再多\n", 1, "列，表头有"),
    ("B,2,客户\n", 4, "有 3 列，表头有 4 列"),
    ('B,2,客户,"坏"引号\n', None, "引号"),
    ("B,二,客户,二\n", 2, "轮次 '二' 不是数字"),
    ("B,1,客户,二\n", 2, "轮次 '1' 重复（另见第 3 行）"),
    ("B,nan,客户,二\n", 2, "不是数字"),
    ("B,2,客户,含\x00字\n", 4, "NUL"),
    (",2,客户,二\n", 1, "没有通话编号"),
]


@pytest.mark.parametrize(("row", "column", "reason"), BROKEN)
def test_a_broken_row_rejects_its_own_call_and_no_other(
    tmp_path: Path, row: str, column: int | None, reason: str
) -> None:
    text = f"call_id,turn,speaker,text\nA,1,客服,甲\nB,1,客服,乙\n{row}C,1,客服,丙\n"
    records = read(write(tmp_path, text))
    assert [(r.call_id, r.error is None) for r in records] == [("A", True), ("B", False), ("C", True)]
    error = error_of(records[1])
    assert (error.line, reason in error.reason) == (4, True), error
    if column is not None and "多" not in row:
        assert error.column == column


def test_blank_rows_and_surplus_empty_cells_do_no_harm(tmp_path: Path) -> None:
    record = only(write(tmp_path, "call_id,speaker,text\nA,客服,一,,\n,,\n\nA,客户,二\n"))
    assert [t.text for t in call_of(record).turns] == ["一", "二"]


def test_an_unclosed_quote_never_swallows_the_rest_silently(tmp_path: Path) -> None:
    records = read(write(tmp_path, 'call_id,speaker,text\nA,客服,一\nB,客服,"二\nC,客服,三\n'))
    assert [(r.call_id, r.error is None) for r in records] == [("A", True), ("B", False)]
    assert "引号没有闭合" in error_of(records[1]).reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("call_id,speaker\nA,客服\n", "没有文本列"),
        ("call_id,text\nA,您好\n", "没有说话人列"),
        ("call_id,speaker,text,text\nA,客服,您好,x\n", "表头 'text' 重复"),
        ("call_id,speaker,text\n", "只有表头"),
        ("call_id,speaker,text," + ",".join(f"c{i}" for i in range(300)) + "\n", "303 列，上限 200"),
    ],
)
def test_a_table_that_cannot_be_understood_is_one_error_of_the_file(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in error_of(only(write(tmp_path, text))).reason


def test_a_call_above_the_turn_limit_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    text = "call_id,speaker,text\n" + "A,客服,啊\n" * (MAX_TURNS + 1) + "B,客服,喂\n"
    bad, good = read(write(tmp_path, text))
    assert f"上限 {MAX_TURNS:,} 轮" in error_of(bad).reason
    assert call_of(good).call_id == "B"


def test_a_line_above_the_limit_rejects_its_call_and_the_rest_is_read(tmp_path: Path) -> None:
    text = f"call_id,speaker,text\nA,客服,一\nB,客服,{'x' * 5000}\nC,客服,三\n"
    records = read(write(tmp_path, text), limits=IntakeLimits(max_record_bytes=1000))
    assert [(r.call_id, r.error is None) for r in records] == [("A", True), ("B", False), ("C", True)]
    assert (error_of(records[1]).line, "1,000" in error_of(records[1]).reason) == (3, True)


def test_csv_is_streamed(tmp_path: Path) -> None:
    text = "call_id,speaker,text\n" + "".join(f"C-{i},客服,{'啊' * 200}\n" for i in range(5000))
    records = read_transcripts([write(tmp_path, text)])
    assert next(records).call_id == "C-0"
    assert sum(1 for _ in records) == 4999
