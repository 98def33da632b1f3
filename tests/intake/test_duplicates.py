from __future__ import annotations

from pathlib import Path

from tests.intake.samples import call_of, dumps, error_of, native, read, write_jsonl
from xiaobao.intake import DuplicateTracker


def test_an_identical_call_is_skipped_and_names_the_first(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [native("A"), native("B"), native("A")])
    first, _, again = read(path)
    assert call_of(first).call_id == "A"
    assert (again.call_id, again.duplicate_of) == ("A", f"{path} 第 1 行")
    assert again.notes == (f"与 {path} 第 1 行 的通话相同，已跳过",)


def test_the_same_call_in_another_format_and_spelling_is_identical(tmp_path: Path) -> None:
    lines = write_jsonl(tmp_path / "a.jsonl", [native("A")])
    other = tmp_path / "b.json"
    spelled = {"会话ID": "A", "业务": "催收", **{k: v for k, v in native().items() if k not in ("call_id", "business")}}
    other.write_bytes(dumps(spelled))
    assert read(lines, other)[1].duplicate_of == f"{lines} 第 1 行"


def test_the_same_id_with_other_content_is_refused_and_both_places_are_named(tmp_path: Path) -> None:
    one = write_jsonl(tmp_path / "a.jsonl", [native("X"), native("A")])
    two = write_jsonl(tmp_path / "b.jsonl", [native("A", business="loan")])
    records = read(one, two)
    error = error_of(records[2])
    assert f"{one} 第 2 行" in error.reason and f"{two} 第 1 行" in str(error)
    assert records[2].call_id == "A"


def test_the_same_file_given_twice_yields_each_call_once(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [native("A"), native("B")])
    records = read(path, path)
    assert [r.transcript is not None for r in records] == [True, True, False, False]
    assert [r.duplicate_of is not None for r in records] == [False, False, True, True]


def test_a_tracker_carries_over_runs(tmp_path: Path) -> None:
    tracker = DuplicateTracker()
    path = write_jsonl(tmp_path / "a.jsonl", [native("A")])
    read(path, tracker=tracker)
    assert read(path, tracker=tracker)[0].duplicate_of is not None
