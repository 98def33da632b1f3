from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from tests.intake.samples import call_of, dumps, error_of, native, only, read, write_jsonl
from xiaobao.intake import IntakeLimits, read_transcripts


def test_jsonl_lines_become_records_in_order_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(dumps(native("A")) + b"\r\n\n" + dumps(native("B")))
    records = read(path)
    assert [(r.line, r.call_id, r.file) for r in records] == [(1, "A", str(path)), (3, "B", str(path))]


def test_jsonl_is_streamed_and_never_held_whole(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [native(f"C-{i}") for i in range(3)])
    records = read_transcripts([path])
    assert call_of(next(records)).call_id == "C-0"
    with path.open("ab") as handle:  # a reader that had swallowed the file would miss this call
        handle.write(b"\n" * 200_000 + dumps(native("late")))
    assert [r.call_id for r in records] == ["C-1", "C-2", "late"]


def test_a_hundred_thousand_lines_keep_memory_flat(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = dumps(native("@@"))
    with path.open("wb") as handle:
        for i in range(100_000):
            handle.write(line.replace(b"@@", b"C-%d" % i) + b"\n")
    assert path.stat().st_size > 40_000_000
    tracemalloc.start(1)
    try:
        counted = 0
        for _ in zip(read_transcripts([path]), range(20_000), strict=False):
            counted += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counted == 20_000
    assert peak < 20_000_000  # 20,000 ids and hashes take about 5 MB; the file has 45


def test_one_bad_line_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([dumps(native("A")), b"{oops", dumps(native("B"))]))
    first, bad, last = read(path)
    assert (call_of(first).call_id, call_of(last).call_id) == ("A", "B")
    assert (error_of(bad).line, error_of(bad).column, error_of(bad).reason) == (2, 2, "不是合法的 JSON")
    assert str(error_of(bad)) == f"{path} 第 2 行第 2 列：不是合法的 JSON"


def test_a_truncated_jsonl_keeps_the_whole_lines_and_names_the_cut_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(dumps(native("A")) + b"\n" + dumps(native("B"))[:-30])
    good, cut = read(path)
    assert call_of(good).call_id == "A"
    assert (error_of(cut).line, error_of(cut).reason) == (2, "JSON 不完整（文件可能被截断）")


def test_a_truncated_gzip_keeps_the_whole_lines_and_names_where_it_broke(tmp_path: Path) -> None:
    lines = [dumps(native(f"C-{i}", note=f"{i * 7919 % 104729}")) + b"\n" for i in range(3000)]
    packed = gzip.compress(b"".join(lines))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    error = error_of(only(path))
    assert "不完整或已损坏" in error.reason


def test_a_gzip_is_read_like_the_file_inside(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(dumps(native("A")) + b"\n" + dumps(native("B"))))
    assert [r.call_id for r in read(path)] == ["A", "B"]


def test_a_line_above_the_limit_is_skipped_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([b'"' + b"x" * 5000 + b'"', dumps(native("B"))]))
    bad, good = read(path, limits=IntakeLimits(max_record_bytes=2000))
    assert (error_of(bad).line, "2,000" in error_of(bad).reason) == (1, True)
    assert (good.line, call_of(good).call_id) == (2, "B")


def test_a_jsonl_line_without_an_id_is_an_error_even_when_it_is_the_only_one(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{k: v for k, v in native().items() if k != "call_id"}])
    assert (error_of(only(path)).line, error_of(only(path)).reason) == (1, "缺少通话编号（call_id）")


def test_a_json_object_without_an_id_takes_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "录音-7.json"
    path.write_text(json.dumps({k: v for k, v in native().items() if k != "call_id"}, indent=1), "utf-8")
    record = only(path)
    assert (record.line, record.call_id) == (1, "录音-7")
    assert any("取自文件名" in note for note in record.notes)


def test_a_list_of_calls_gives_each_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[\n" + json.dumps(native("A")) + ",\n\n" + json.dumps(native("B")) + "\n]", "utf-8")
    assert [(r.line, r.call_id) for r in read(path)] == [(2, "A"), (4, "B")]


def test_a_list_needs_an_id_in_each_call(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    nameless = {k: v for k, v in native().items() if k != "call_id"}
    path.write_text(json.dumps([native("A"), nameless]), "utf-8")
    assert "缺少通话编号" in error_of(read(path)[1]).reason


@pytest.mark.parametrize("key", ["calls", "data", "records", "通话"])
def test_a_document_of_calls_shares_what_stands_beside_them(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.json"
    calls = [{k: v for k, v in native(i).items() if k != "business"} for i in ("A", "B")]
    path.write_text(json.dumps({"business": "保险", "batch": 7, key: calls}, indent=2), "utf-8")
    records = read(path)
    assert [call_of(r).business for r in records] == ["insurance", "insurance"]
    assert all(call_of(r).context["batch"] == 7 for r in records)
    assert records[0].line == 5


def test_a_call_whose_own_data_looks_like_a_container_stays_one_call(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(dumps(native("A", items=[{"sku": 1}])))
    assert call_of(only(path)).context["items"] == [{"sku": 1}]


def test_lines_under_the_suffix_json_and_a_document_under_jsonl_are_recognised(tmp_path: Path) -> None:
    lines = write_jsonl(tmp_path / "a.json", [native("A"), native("B")])
    document = tmp_path / "b.jsonl"
    document.write_text(json.dumps([native("C"), native("D")], indent=2), "utf-8")
    assert [r.call_id for r in read(lines, document)] == ["A", "B", "C", "D"]


@pytest.mark.parametrize("bracket", [b"{", b"["])
def test_a_lone_bracket_in_the_first_line_of_jsonl_costs_that_line(tmp_path: Path, bracket: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(bracket + b"\n" + dumps(native("A")) + b"\n" + dumps(native("B")) + b"\n")
    assert [(r.line, r.call_id) for r in read(path)] == [(1, None), (2, "A"), (3, "B")]


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('[\n{"a": 1},\n{"a" 2}\n]', 3, 6, "不是合法的 JSON"),
        ('[\n{"a": 1}\n{"a": 2}\n]', 3, 1, "逗号"),
        ('{"calls": [\n{"a": 1},\n', 3, 1, "截断"),
        ('{"a": "xyz', 1, 7, "截断"),
        ('{"a" 1}', 1, 6, "冒号"),
        ('{"a": 1 "b": 2}', 1, 9, "逗号"),
        ("{a: 1}", 1, 2, "键名"),
        ("5", 1, 1, "对象或列表"),
        ("[1] x", 1, 5, "多余内容"),
        ('{"a": NaN}', 1, 7, "有限的数字"),
        ('{"a": ' + "9" * 10_000_000 + "}", 1, 7, "数字过大"),
        ('{"a": ' + "[" * 1_000_000, 1, 7, "嵌套过深"),
        ("[" * 1_000_000, 1, 2, "嵌套过深"),
    ],
)
def test_a_broken_document_is_refused_whole_with_line_and_column(
    tmp_path: Path, text: str, line: int, column: int, reason: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    error = error_of(only(path))
    assert (error.line, error.column) == (line, column)
    assert reason in error.reason


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.txt", "a.xlsx"])
@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_an_error_of_the_file(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert error_of(only(path)).file == str(path)


@pytest.mark.parametrize("text", ["[]", '{"calls": []}'])
def test_a_document_without_calls_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    assert error_of(only(path)).reason == "文件里没有通话"


def test_a_document_above_the_limit_is_refused_and_jsonl_advised(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(dumps([native(str(i)) for i in range(20)]))
    assert "JSONL" in error_of(only(path, limits=IntakeLimits(max_document_bytes=1000))).reason


def test_a_number_too_long_for_a_float_is_refused_and_never_rounded(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(dumps(native("A", serial=12345678901234567890123)))
    assert "64 位" in error_of(only(path)).reason
