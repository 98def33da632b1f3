from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake.samples import call_of, error_of, only, read
from xiaobao.intake import preview_text_split

TWO = """通话编号：C-1
业务：催收
方向：外呼
坐席工号：A7
通话时间：2026-05-12 10:03:00

[00:00:01] 客服：您好，请问是王先生吗？
您的账单已经逾期了。
[00:00:07] 客户: 是我。

通话编号：C-2
催收员：喂
机主：喂，哪位
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "录音9.txt"
    path.write_text(text, "utf-8")
    return path


def test_headers_stamps_continuations_and_two_calls(tmp_path: Path) -> None:
    first, second = read(write(tmp_path, TWO))
    call = call_of(first)
    assert (call.call_id, call.business, call.direction, call.agent.id) == ("C-1", "collections", "outbound", "A7")
    assert call.started_at is not None and call.started_at.isoformat() == "2026-05-12T10:03:00+08:00"
    assert [(t.speaker.value, t.text, t.start) for t in call.turns] == [
        ("agent", "您好，请问是王先生吗？\n您的账单已经逾期了。", 1.0),
        ("customer", "是我。", 7.0),
    ]
    assert "1 行没有说话人，并入上一轮" in first.notes
    assert (second.line, second.call_id, len(call_of(second).turns)) == (11, "C-2", 2)


@pytest.mark.parametrize("ruler", ["=== {} ===", "==={}===", "---- {} ----", "#### 通话编号：{} ####"])
def test_rulers_with_ids_separate_calls(tmp_path: Path, ruler: str) -> None:
    text = "".join(ruler.format(i) + "\n客服：您好\n客户：好\n" for i in ("C-1", "C-2"))
    assert [r.call_id for r in read(write(tmp_path, text))] == ["C-1", "C-2"]


def test_one_call_without_an_id_takes_the_file_name(tmp_path: Path) -> None:
    record = only(write(tmp_path, "客服：您好\n客户：好\n"))
    assert record.call_id == "录音9"
    assert any("取自文件名" in note for note in record.notes)


def test_several_calls_without_ids_are_errors_with_their_lines(tmp_path: Path) -> None:
    records = read(write(tmp_path, "客服：您好\n--------\n客服：您好\n客户：嗯\n"))
    assert [(error_of(r).line, error_of(r).reason) for r in records] == [
        (1, "缺少通话编号（call_id）"),
        (3, "缺少通话编号（call_id）"),
    ]


@pytest.mark.parametrize(
    ("line", "label", "text", "start", "end"),
    [
        ("客服：您好", "客服", "您好", None, None),
        ("客服: 您好", "客服", "您好", None, None),
        ("  坐席 ：您好", "坐席", "您好", None, None),
        ("坐席A01：您好", "坐席A01", "您好", None, None),
        ("客户（王先生）：您好", "客户（王先生）", "您好", None, None),
        ("[00:01:02] 柜员：您好", "柜员", "您好", "00:01:02", None),
        ("00:01:02 柜员：您好", "柜员", "您好", "00:01:02", None),
        ("【00:01】客服：您好", "客服", "您好", "00:01", None),
        ("[00:01:02.5 - 00:01:05] 客服：您好", "客服", "您好", "00:01:02.5", "00:01:05"),
        ("客服 [00:01:02]：您好", "客服", "您好", "00:01:02", None),
        ("客服 00:01:02：您好", "客服", "您好", "00:01:02", None),
        ("【客服】您好", "客服", "您好", None, None),
        ("2026-05-12 10:03:00 客服：您好", "客服", "您好", "2026-05-12 10:03:00", None),
        ("客服：比例是 1:2，见 http://a.cn", "客服", "比例是 1:2，见 http://a.cn", None, None),
    ],
)
def test_a_line_of_speech_is_understood(line: str, label: str, text: str, start: str | None, end: str | None) -> None:
    (call,) = preview_text_split(line)
    (turn,) = call.turns
    assert (turn.label, turn.text, turn.start, turn.end) == (label, text, start, end)


@pytest.mark.parametrize("line", ["http://bank.example/a", "10:30 我到网点", "时间：明天下午"])
def test_what_only_looks_like_a_speaker_stays_in_the_turn(line: str) -> None:
    (call,) = preview_text_split(f"客服：您好\n{line}\n客户：好")
    assert [turn.text for turn in call.turns] == [f"您好\n{line}", "好"]
    assert call.notes


def test_an_unknown_label_that_speaks_twice_is_other_and_told(tmp_path: Path) -> None:
    record = only(write(tmp_path, "客服：您好\n张三：喂\n客服：是王先生吗\n张三：不是\n"))
    assert [t.speaker.value for t in call_of(record).turns] == ["agent", "other", "agent", "other"]
    assert any("'张三' 未识别" in note for note in record.notes)


def test_lines_above_the_first_speaker_are_kept_and_told(tmp_path: Path) -> None:
    record = only(write(tmp_path, "某行转写稿\n第二行\n客服：您好\n"))
    assert call_of(record).context["preamble"] == "某行转写稿\n第二行"
    assert any("preamble" in note for note in record.notes)


def test_a_text_without_speakers_is_an_error(tmp_path: Path) -> None:
    assert "没有对话轮次" in error_of(only(write(tmp_path, "这是一段话。\n没有说话人。\n"))).reason


def test_a_header_without_turns_is_an_error_and_the_next_call_is_read(tmp_path: Path) -> None:
    empty, good = read(write(tmp_path, "=== C-1 ===\n=== C-2 ===\n客服：您好\n"))
    assert (error_of(empty).line, call_of(good).call_id) == (1, "C-2")


def test_a_nul_in_a_text_rejects_its_call_with_line_and_column(tmp_path: Path) -> None:
    bad, good = read(write(tmp_path, "=== C-1 ===\n客服：您\x00好\n=== C-2 ===\n客服：您好\n"))
    error = error_of(bad)
    assert (error.line, error.column, error.reason) == (2, 5, "含 NUL 字符（U+0000）")
    assert call_of(good).call_id == "C-2"


def test_a_text_of_nothing_but_nuls_says_so(tmp_path: Path) -> None:
    error = error_of(only(write(tmp_path, "\x00\x00\n\x00")))
    assert (error.line, error.column, "NUL" in error.reason) == (1, 1, True)


def test_the_preview_is_what_the_import_does(tmp_path: Path) -> None:
    shown = preview_text_split(TWO)
    taken = [call_of(record) for record in read(write(tmp_path, TWO))]
    assert [[t.text for t in call.turns] for call in shown] == [[t.text for t in call.turns] for call in taken]


def test_a_line_of_megabytes_is_split_without_backtracking() -> None:
    (call,) = preview_text_split("客服：" + "（[00:" * 500_000)
    assert len(call.turns[0].text) == 2_500_000
