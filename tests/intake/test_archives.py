from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from tests.intake.samples import call_of, dumps, error_of, native, only, read
from xiaobao.intake import IntakeLimits


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_zip_is_read_member_by_member_sorted_and_named(tmp_path: Path) -> None:
    path = pack(
        tmp_path / "a.zip",
        {
            "b/two.json": dumps(native("B")),
            "a.jsonl": dumps(native("A1")) + b"\n" + dumps(native("A2")),
            "c.txt": "客服：您好".encode(),
            "d.csv": "speaker,text\n客服,您好\n".encode(),
        },
    )
    assert [(r.call_id, r.file) for r in read(path)] == [
        ("A1", f"{path}!a.jsonl"),
        ("A2", f"{path}!a.jsonl"),
        ("B", f"{path}!b/two.json"),
        ("c", f"{path}!c.txt"),
        ("d", f"{path}!d.csv"),
    ]


def test_names_in_gb18030_as_windows_writes_them_are_readable(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("XXXXXXXX.txt", "客服：您好")
    path = tmp_path / "a.zip"
    path.write_bytes(data.getvalue().replace(b"XXXXXXXX", "通话录音".encode("gb18030")))
    record = only(path)
    assert (record.file, record.call_id) == (f"{path}!通话录音.txt", "通话录音")


def test_files_of_the_operating_system_are_passed_over(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"__MACOSX/._a.txt": b"x", ".DS_Store": b"x", "a.txt": "客服：您好".encode()})
    assert only(path).call_id == "a"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("inner.zip", "不能再有压缩包"),
        ("inner.jsonl.gz", "不能再有压缩包"),
        ("../up.json", "不安全"),
        ("a/../../up.json", "不安全"),
        ("/etc/abs.json", "不安全"),
        ("C:/win.json", "不安全"),
        ("a\\b.json", "不安全"),
        ("a\u202egnosj.json", "不安全"),
        ("a.docx", "不支持的文件类型 .docx"),
        ("readme", "不支持的文件类型"),
    ],
)
def test_a_member_that_must_not_be_read_is_an_error_and_the_rest_is_read(
    tmp_path: Path, name: str, reason: str
) -> None:
    records = read(pack(tmp_path / "a.zip", {name: dumps(native("bad")), "zz.json": dumps(native("good"))}))
    errors = [error_of(r) for r in records if r.error]
    assert len(errors) == 1 and reason in errors[0].reason
    assert [r.call_id for r in records if r.transcript] == ["good"]


def test_a_symlink_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
    assert "符号链接" in error_of(only(path)).reason


def test_an_encrypted_member_is_refused_by_name(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.json": dumps(native())})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 0x1
    path.write_bytes(data)
    assert "已加密" in error_of(only(path)).reason


def test_a_zip_bomb_is_refused_by_its_ratio_before_anything_is_unpacked(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"good.json": dumps(native()), "bomb.jsonl": b" " * 20_000_000})
    assert error_of(only(path)).reason == "压缩比超过 100，疑似压缩炸弹"


def test_a_zip_that_unpacks_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.json": dumps(native()), "b.json": dumps(native("B"))})
    assert "上限 500" in error_of(only(path, limits=IntakeLimits(max_unpacked_bytes=500))).reason


def test_a_zip_with_too_many_members_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {f"{i}.json": b"{}" for i in range(10_001)})
    assert error_of(only(path)).reason == "压缩包内有 10,001 个文件，上限 10,000"


def test_a_zip_that_lies_about_sizes_is_stopped_while_reading(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.jsonl": b"\n".join(dumps(native(f"C-{i}")) for i in range(3000))})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 1000)  # the directory claims 1,000 bytes
    path.write_bytes(data)
    records = read(path)
    assert records[-1].error is not None
    assert len(records) < 10


def test_overlapping_members_do_not_hide_the_ratio(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.jsonl": os.urandom(30_000).hex().encode()})
    data = path.read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[at:end], bytearray(data[end:])
    count = 300
    struct.pack_into("<HHI", tail, 8, count, count, len(entry) * count)
    path.write_bytes(data[:at] + entry * count + bytes(tail))
    assert [error_of(r).reason for r in read(path)] == ["压缩比超过 100，疑似压缩炸弹"]


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_a_truncated_zip_is_refused(tmp_path: Path, keep: float) -> None:
    path = pack(tmp_path / "a.zip", {"a.json": dumps(native())})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert "zip 文件不完整或已损坏" in error_of(only(path)).reason


def test_a_damaged_member_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.json": dumps(native("A")), "b.json": dumps(native("B"))})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    bad, good = read(path)
    assert "损坏" in error_of(bad).reason
    assert call_of(good).call_id == "B"


def test_an_empty_zip_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    empty = tmp_path / "folder"
    empty.mkdir()
    assert [error_of(r).reason for r in read(pack(tmp_path / "a.zip", {}), empty)] == [
        "zip 里没有文件",
        "文件夹里没有文件",
    ]


def test_a_gzip_bomb_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * 50_000_000))
    assert "压缩炸弹" in error_of(only(path)).reason


def test_a_gzip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(b"x"))
    assert "不支持的文件类型 .tar.gz" in error_of(only(path)).reason


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(dumps(native()))
    assert "损坏" in error_of(only(path)).reason


def test_a_folder_is_read_whole_and_sorted(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.json", "a/9.json", "c.json"):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(dumps(native(name)))
    (tmp_path / "in" / "readme.md").write_text("x")
    records = read(tmp_path / "in")
    assert [r.call_id for r in records if r.transcript] == ["c.json", "a/9.json", "b/1.json", "b/2.json"]
    assert [error_of(r).file for r in records if r.error] == [str(tmp_path / "in" / "readme.md")]


def test_links_out_of_a_folder_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_bytes(dumps(native("secret")))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "dir").symlink_to(outside)
    (folder / "link.json").symlink_to(outside / "secret.json")
    records = read(folder)
    assert {error_of(r).reason for r in records} == {"文件夹里的符号链接未读取"}
    assert len(records) == 2


def test_a_path_that_is_not_there_and_a_pipe_are_errors(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    missing, pipe = read(tmp_path / "missing.json", tmp_path / "pipe.json")
    assert (error_of(missing).reason, error_of(pipe).reason) == ("文件不存在", "不是普通文件")
