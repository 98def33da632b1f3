from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake.samples import call_of, dumps, error_of, native, only, read, write_jsonl

TEXT = "通话编号：C-1\n业务：催收\n客服：您好，请问是王先生本人吗？\n客户：是我，你们今天已经打了五个电话了。\n"
CSV = "call_id,speaker,text\nC-1,客服,您好，请问是王先生本人吗？\nC-1,客户,是我，什么事情？\n"
ENCODINGS = [
    ("utf-8", None),
    ("utf-8-sig", None),
    ("gb18030", "按 GB18030 解码"),
    ("gbk", "按 GB18030 解码"),
    ("utf-16", "按 UTF-16 解码"),
]


@pytest.mark.parametrize(("encoding", "note"), ENCODINGS)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.json"])
def test_every_encoding_is_detected_and_told_in_every_text_format(
    tmp_path: Path, name: str, encoding: str, note: str | None
) -> None:
    path = tmp_path / name
    said = "您好，请问是王先生本人吗？"
    turns = [{"speaker": "agent", "text": said}]
    content = {"a.txt": TEXT, "a.csv": CSV}.get(name) or dumps(native("C-1", turns=turns)).decode() + "\n"
    path.write_bytes(content.encode(encoding))
    record = only(path)
    assert (record.call_id, call_of(record).turns[0].text) == ("C-1", said)
    assert [n for n in record.notes if "解码" in n] == ([note] if note else [])


@pytest.mark.parametrize("first", ["utf-16-le", "utf-16-be"])
def test_both_byte_orders_of_utf16_are_read(tmp_path: Path, first: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(("\ufeff" + TEXT).encode(first))
    assert call_of(only(path)).turns[1].text.endswith("电话了。")


def test_gb18030_is_detected_behind_a_megabyte_of_ascii(tmp_path: Path) -> None:
    ascii_turn = [{"speaker": "agent", "text": "x" * 4000}]
    calls = [native(f"C-{i}", turns=ascii_turn, agent={"id": "A"}) for i in range(400)]
    path = write_jsonl(tmp_path / "a.jsonl", [*calls, native("last")], encoding="gb18030")
    records = read(path)
    assert call_of(records[-1]).turns[0].text == "您好，请问是王先生吗？"
    assert len(records) == 401


def test_rare_characters_of_gb18030_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    said = "您好，请问是朱镕基的镕、𠮷野的𠮷吗？今天想跟您核对一下地址信息。"
    path.write_bytes(f"客服：{said}\n".encode("gb18030"))
    assert call_of(only(path)).turns[0].text == said


def test_traditional_text_in_big5_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    said = "您好，請問您的信用卡帳單已經收到了嗎？如果還沒有收到，我們可以為您重新寄送一份帳單到您的住址。" * 5
    path.write_bytes(f"客服：{said}\n客户：{said}\n".replace("户", "戶").encode("big5"))
    record = only(path)
    assert call_of(record).turns[0].text == said
    assert "按 BIG5 解码" in record.notes


def test_a_damaged_line_in_a_utf8_file_costs_that_line_and_makes_no_mojibake(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    broken = dumps(native("B")).replace("王".encode(), "王".encode()[:2])
    path.write_bytes(b"\n".join([dumps(native("A")), broken, dumps(native("C"))]))
    records = read(path)
    assert [r.call_id for r in records if r.transcript] == ["A", "C"]
    error = error_of(records[1])
    assert (error.line, "UTF-8" in error.reason) == (2, True)
    assert error.column == broken.decode(errors="replace").index("\ufffd") + 1


def test_a_gb18030_line_in_a_utf8_file_costs_that_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [dumps(native(f"C-{i}")) for i in range(9)]
    lines[4] = dumps(native("C-4")).decode().encode("gb18030")
    path.write_bytes(b"\n".join(lines))
    assert [r.line for r in read(path) if r.error] == [5]


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_damaged_byte_rejects_its_call_and_not_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.txt":
        text = "".join(f"=== C-{i} ===\n客服：您好，请问是王先生吗？\n" for i in range(3))
    else:
        text = "call_id,speaker,text\n" + "".join(f"C-{i},客服,您好，请问是王先生吗？\n" for i in range(3))
    data = text.encode()
    at = data.rindex("王".encode(), 0, data.index(b"C-2"))
    path.write_bytes(data[: at + 1] + b"\xff" + data[at + 2 :])
    records = read(path)
    assert [r.transcript is not None for r in records] == [True, False, True]
    assert "不符合文件编码" in error_of(records[1]).reason
    assert error_of(records[1]).line == (4 if name == "a.txt" else 3)
    assert error_of(records[1]).column is not None


def test_a_binary_file_under_a_text_suffix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes((i * 7919 + i // 251) % 256 for i in range(4000)))
    for record in read(path):
        assert record.error


@pytest.mark.parametrize(
    "rest", [b"\x00", b"\x00\xd8b\x00", "客服：您好".encode("utf-16-le") + b"\x53"], ids=["odd", "broken pair", "cut"]
)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.json"])
def test_damaged_utf16_is_a_named_refusal_in_every_text_format(tmp_path: Path, name: str, rest: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe" + rest)
    assert error_of(only(path)).reason
