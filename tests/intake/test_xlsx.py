from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from tests.intake.samples import call_of, error_of, only, read
from xiaobao.intake import IntakeLimits

HEAD = ["call_id", "turn", "speaker", "text", "start", "end"]


def write(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def rebuilt(path: Path, part: str, content: bytes) -> Path:
    """The workbook with one part replaced, or added as its shared strings (openpyxl itself writes none)."""
    data = io.BytesIO()
    shared = (
        b'<Override PartName="/xl/sharedStrings.xml" '
        b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
    )
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {name: old.read(name) for name in old.namelist()}
        if part not in parts:
            parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", shared)
        for name, body in (parts | {part: content}).items():
            new.writestr(name, body)
    path.write_bytes(data.getvalue())
    return path


def test_turns_and_a_second_sheet_of_calls(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        {
            "turns": [HEAD, ["C-1", 1, "客服", "您好，请问是王先生吗", 0, 2.5], ["C-1", 2, "客户", "是我", 2.6, 3]],
            "calls": [
                ["通话编号", "业务", "方向", "坐席工号", "客户号", "通话时间", "当日联系次数"],
                ["C-1", "催收", "外呼", 1001, "U1", datetime(2026, 5, 12, 10, 3), 5],
            ],
        },
    )
    record = only(path)
    call = call_of(record)
    assert (call.business, call.direction, call.agent.id) == ("collections", "outbound", "1001")
    assert call.started_at is not None and call.started_at.isoformat() == "2026-05-12T10:03:00+08:00"
    assert call.context == {"contacts_today": 5}
    assert [(t.speaker.value, t.start, t.end) for t in call.turns] == [("agent", 0.0, 2.5), ("customer", 2.6, 3.0)]
    assert call.turns[0].text == "您好，请问是王先生吗"
    assert record.line == 2


def test_time_cells_are_seconds_and_date_cells_are_no_midnight(tmp_path: Path) -> None:
    head = ["call_id", "speaker", "text", "开始", "通话时间"]
    rows = [head, ["C-1", "客服", "您好", time(0, 1, 2), datetime(2026, 5, 12)], ["C-1", "客户", "好", time(0, 1, 9)]]
    path = write(tmp_path / "a.xlsx", {"s": rows})
    book = load_workbook(path)
    book["s"]["E2"].number_format = "yyyy-mm-dd"
    book["s"]["D3"] = timedelta(seconds=69)
    book.save(path)
    call = call_of(only(path))
    assert [turn.start for turn in call.turns] == [62.0, 69.0]
    assert (call.started_at, call.context["call_date"]) == (None, "2026-05-12")


def test_a_call_that_only_the_calls_sheet_knows_is_an_error_with_its_row(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        {"calls": [["call_id"], ["C-1"], ["C-2"]], "对话": [["call_id", "speaker", "text"], ["C-1", "客服", "您好"]]},
    )
    good, missing = read(path)
    assert call_of(good).call_id == "C-1"
    assert (missing.call_id, error_of(missing).line, "没有对话轮次" in error_of(missing).reason) == ("C-2", 3, True)


def test_faulty_rows_of_the_calls_sheet_are_reported(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        {
            "calls": [["call_id", "业务"], ["C-1", "催收"], ["C-1", "保险"], [None, "贷款"]],
            "对话": [["call_id", "speaker", "text"], ["C-1", "客服", "您好"]],
        },
    )
    records = read(path)
    assert [error_of(r).line for r in records if r.error] == [3, 4]
    assert [call_of(r).business for r in records if r.transcript] == ["collections"]


def test_several_sheets_of_turns_are_all_read_and_named(tmp_path: Path) -> None:
    head = ["call_id", "speaker", "text"]
    path = write(tmp_path / "a.xlsx", {"一月": [head, ["A", "客服", "您好"]], "二月": [head, ["B", "客服", "您好"]]})
    assert [(r.call_id, r.file.removeprefix(str(path))) for r in read(path)] == [("A", "[一月]"), ("B", "[二月]")]


def test_a_sheet_without_the_columns_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", {"说明": [["请填写"]], "对话": [["speaker", "text"], ["客服", "您好"]]})
    bad, good = read(path)
    assert "没有文本列" in error_of(bad).reason
    assert call_of(good).call_id == "a"


@pytest.mark.parametrize("formula", ['=HYPERLINK("http://x","点")', "=1+1", "=CONCATENATE(A1,B1)"])
def test_a_formula_is_no_text_and_rejects_its_call_with_row_and_column(tmp_path: Path, formula: str) -> None:
    rows = [HEAD, ["A", 1, "客服", "您好"], ["B", 1, "客服", formula], ["C", 1, "客服", "喂"]]
    records = read(write(tmp_path / "a.xlsx", {"s": rows}))
    assert [(r.call_id, r.error is None) for r in records] == [("A", True), ("B", False), ("C", True)]
    error = error_of(records[1])
    assert (error.line, error.column, "公式" in error.reason) == (3, 4, True)


def test_text_that_begins_with_an_equals_sign_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["call_id", "speaker", "text"])
    sheet.append(["A", "客服", "x"])
    sheet["C2"].value = "=就是这个数"
    sheet["C2"].data_type = "s"
    book.save(path)
    assert call_of(only(path)).turns[0].text == "=就是这个数"


def test_an_id_that_excel_has_rounded_is_refused(tmp_path: Path) -> None:
    rows = [["call_id", "speaker", "text"], [12345678901234567890, "客服", "您好"]]
    assert "丢失精度" in error_of(only(write(tmp_path / "a.xlsx", {"s": rows}))).reason


def test_cells_that_were_merged_are_refused_and_the_way_out_is_told(tmp_path: Path) -> None:
    rows = [["call_id", "speaker", "text"], ["A", "客服", "您好"], [None, "客户", "好"]]
    error = error_of(only(write(tmp_path / "a.xlsx", {"s": rows})))
    assert (error.line, "取消合并" in error.reason) == (3, True)


def test_rows_above_the_limit_are_refused_and_csv_advised(tmp_path: Path) -> None:
    rows = [["call_id", "speaker", "text"], *(["A", "客服", "啊"] for _ in range(60))]
    path = write(tmp_path / "a.xlsx", {"s": rows})
    error = error_of(only(path, limits=IntakeLimits(max_table_rows=50)))
    assert "上限，请改用 CSV" in error.reason


def test_a_cell_in_the_last_row_excel_has_does_not_cost_a_million_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["call_id", "speaker", "text"])
    sheet.append(["A", "客服", "您好"])
    sheet.cell(1_048_576, 1, "B")
    book.save(path)
    assert "空行" in error_of(only(path)).reason


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
    + b'<!ENTITY x SYSTEM "file:///etc/hostname">]>'
)
NS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (
            "xl/worksheets/sheet1.xml",
            b"<worksheet " + NS + b'><sheetData><row r="1"><c t="inlineStr"><is><t>&l9;</t></is></c></row>'
            b"</sheetData></worksheet>",
        ),
        ("xl/sharedStrings.xml", b"<sst " + NS + b"><si><t>&l9;</t></si></sst>"),
        ("xl/sharedStrings.xml", b"<sst " + NS + b"><si><t>&x;</t></si></sst>"),
        ("xl/workbook.xml", b"<workbook " + NS + b">&l9;</workbook>"),
        ("[Content_Types].xml", b"<Types>&l9;</Types>"),
    ],
)
def test_an_xml_bomb_in_any_part_is_refused(tmp_path: Path, part: str, content: bytes) -> None:
    path = write(tmp_path / "a.xlsx", {"s": [["call_id", "speaker", "text"], ["A", "客服", "您好"]]})
    error = error_of(only(rebuilt(path, part, BOMB + content)))
    assert "xlsx 不完整、已损坏或含不安全的 XML" in error.reason


def test_a_workbook_that_unpacks_too_far_is_refused_unopened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", {"s": [["call_id", "speaker", "text"]]})
    rebuilt(path, "xl/worksheets/sheet1.xml", b"<worksheet>" + b" " * 50_000_000)
    assert "压缩炸弹" in error_of(only(path)).reason


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_workbook_is_refused(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path / "a.xlsx", {"s": [HEAD, *(["A", i, "客服", f"您好{i}"] for i in range(50))]})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert "xlsx 不完整" in error_of(only(path)).reason


def test_an_encrypted_or_old_workbook_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    assert "已加密" in error_of(only(path)).reason


def test_a_nul_or_a_surrogate_in_a_cell_never_gets_through(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", {"s": [["call_id", "speaker", "text"], ["A", "客服", "您_x0000_好"]]})
    record = only(path)
    assert record.error is not None or "\x00" not in call_of(record).turns[0].text
