"""Formats: what is read, and what is refused with which reason."""

from __future__ import annotations

import csv
import zipfile
from datetime import date
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook
from pypdf import PdfWriter

from kb.chunking import MAX_CHARS, split_source
from kb.loaders import RefusedFileError, load_file


def _pdf(path: Path, pages: list[str]) -> Path:
    """A PDF with one line of Latin text a page; an empty string makes a page without a text layer."""
    objects: list[bytes] = []
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() if text else b""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    path.write_bytes(out)
    return path


def _write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(RefusedFileError) as info:
        load_file(path)
    return str(info.value)


def test_markdown_keeps_front_matter_headings_and_tables(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 年费说明\neffective: 2026-01-01\n---\n# 年费说明\n## 标准\n"
        "| 卡种 | 年费 |\n|---|---|\n| 金卡 | 200元 |\n"
        "详见[网站](http://example.invalid)。\n"
    )
    source = load_file(_write(tmp_path / "a.md", text))
    assert source.meta == {"title": "年费说明", "effective": "2026-01-01"}
    passages = split_source(source, key="a", title=source.title)
    assert [(passage.title, passage.text) for passage in passages] == [
        ("年费说明 / 标准", "卡种：金卡；年费：200元\n详见网站。")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_text_is_read_in_the_encodings_office_software_writes(encoding: str, tmp_path: Path) -> None:
    source = load_file(_write(tmp_path / "a.txt", "第一章 总则\n营业时间为九点到十七点。", encoding))
    assert [(line.text, line.level) for line in source.lines] == [("第一章 总则", 1), ("营业时间为九点到十七点。", 0)]


def test_html_gives_text_and_tables_and_never_scripts(tmp_path: Path) -> None:
    page = (
        "<html><head><title>公告</title><script>var x='泄露';</script></head><body><h1>公告</h1><p>自<b>五月</b>起</p>"
        "<table><tr><th>项目</th><th>费用</th></tr><tr><td>挂失</td><td>10元</td></tr></table></body></html>"
    )
    source = load_file(_write(tmp_path / "a.html", page))
    assert source.title == "公告"
    assert [line.text for line in source.lines] == ["公告", "自五月起", "项目：挂失；费用：10元"]


def test_one_row_is_one_entry_with_the_header_in_it(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(
            [["问题", "答案", "渠道", "失效日期"], ["怎么挂失", "拨打客服热线", "电话", "2026年6月1日"]]
        )
    (record,) = load_file(tmp_path / "a.csv").records
    assert (record.title, record.text, record.expiry) == ("怎么挂失", "拨打客服热线\n渠道：电话", date(2026, 6, 1))


def test_excel_rows_of_every_sheet_are_entries(tmp_path: Path) -> None:
    book = Workbook()
    for name, price in (("借记卡", 10), ("信用卡", 0)):
        sheet = book.create_sheet(name)
        sheet.append(["项目", "价格"])
        sheet.append(["挂失手续费", price])
    del book["Sheet"]
    book.save(tmp_path / "a.xlsx")
    records = load_file(tmp_path / "a.xlsx").records
    assert [(record.title, record.text) for record in records] == [
        ("借记卡", "项目：挂失手续费；价格：10"),
        ("信用卡", "项目：挂失手续费；价格：0"),
    ]


def test_json_lines_keep_their_ids_and_list_bad_lines(tmp_path: Path) -> None:
    lines = [
        '{"id": "k1", "title": "问", "text": "答"}',
        "{broken",
        "[1]",
        '{"id": "k2"}',
        '{"text": "三", "expiry": "soon"}',
    ]
    source = load_file(_write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert [(record.id, record.text) for record in source.records] == [("k1", "答")]
    assert [warning.split("：")[0] for warning in source.warnings] == ["第 2 行", "第 3 行", "第 4 行", "第 5 行"]


def test_word_keeps_headings_and_tables_in_order(tmp_path: Path) -> None:
    document = Document()
    document.add_heading("服务手册", 1)
    document.add_paragraph("先核实身份。")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((c for row in table.rows for c in row.cells), ["业务", "时限", "挂失", "当日"], strict=True):
        cell.text = text
    document.save(str(tmp_path / "a.docx"))
    source = load_file(tmp_path / "a.docx")
    assert source.title == "服务手册"
    assert [(line.text, line.level) for line in source.lines] == [
        ("服务手册", 1),
        ("先核实身份。", 0),
        ("业务：挂失；时限：当日", 0),
    ]


def test_pdf_gives_its_text_layer_and_names_pages_without_one(tmp_path: Path) -> None:
    source = load_file(_pdf(tmp_path / "a.pdf", ["Annual fee is waived.", "", "Report loss at once."]))
    assert [line.text for line in source.lines] == ["Annual fee is waived.", "Report loss at once."]
    assert source.warnings == ("第 2 页没有文字层，需要 OCR，未导入",)


def test_a_scanned_pdf_says_it_needs_ocr(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(tmp_path / "a.pdf")
    assert "需要 OCR" in _refusal(tmp_path / "a.pdf")


def test_an_encrypted_pdf_is_refused(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=_pdf(tmp_path / "plain.pdf", ["Confidential text."]))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    assert "已加密" in _refusal(tmp_path / "a.pdf")


def test_encrypted_and_old_office_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 100)
    assert "已加密" in _refusal(tmp_path / "a.docx")
    assert "另存为 docx" in _refusal(_write(tmp_path / "a.doc", "x"))


def test_macro_files_are_refused_by_suffix_and_by_content(tmp_path: Path) -> None:
    assert "含宏" in _refusal(_write(tmp_path / "a.xlsm", "x"))
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("word/vbaProject.bin", "x")
    assert "含宏" in _refusal(tmp_path / "a.docx")


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sheet1.xml", b"\0" * 50_000_000)
    assert "压缩" in _refusal(tmp_path / "a.xlsx")


def test_files_that_are_too_large_empty_or_unknown_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    assert "过大" in _refusal(tmp_path / "a.txt")
    (tmp_path / "b.txt").touch()
    assert "为空" in _refusal(tmp_path / "b.txt")
    assert "不支持" in _refusal(_write(tmp_path / "a.exe", "x"))
    (tmp_path / "c.md").symlink_to(tmp_path / "a.exe")
    assert "符号链接" in _refusal(tmp_path / "c.md")


def test_broken_office_files_are_refused_not_raised(tmp_path: Path) -> None:
    for name in ("a.docx", "a.xlsx"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("nothing.xml", "<a/>")
        assert "无法读取" in _refusal(tmp_path / name)
    assert "无法读取" in _refusal(_write(tmp_path / "a.pdf", "%PDF-1.4 broken"))


def test_long_paragraphs_are_cut_at_sentences_and_nothing_is_lost(tmp_path: Path) -> None:
    text = "".join(f"第{n}句话说明一件事情的处理办法。" for n in range(300))
    passages = split_source(load_file(_write(tmp_path / "a.txt", text)), key="a", title="长文")
    assert "".join(passage.text for passage in passages) == text
    assert all(len(passage.text) <= MAX_CHARS and passage.text.endswith("。") for passage in passages)
