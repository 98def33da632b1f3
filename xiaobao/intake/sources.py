"""Finding the files: folders, zip and gzip archives, and the guards around reading them."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from xiaobao.errors import IntakeError
from xiaobao.intake.limits import IntakeLimits

FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx", ".txt")
"""What a reader exists for; each but `.xlsx` may also be gzipped."""
_NESTED = (".zip", ".gz", ".tgz", ".7z", ".rar", ".tar", ".bz2", ".xz")
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Source:
    """One file to read, perhaps inside an archive."""

    name: str
    """As shown to the user."""
    suffix: str
    """One of FORMATS."""
    stem: str
    """Name without folder and suffixes; stands in for a missing call id."""
    open: Callable[[], BinaryIO]
    """From the start, each time it is called; raises IntakeError when the content breaks."""


def find_sources(paths: Sequence[Path], limits: IntakeLimits) -> Iterator[Source | IntakeError]:
    """Every file under `paths`, in the order given, folders sorted; what cannot be read comes as an error."""
    for path in paths:
        if path.is_dir():
            files = list(_walk(path))
            if not files:
                yield IntakeError("文件夹里没有文件", file=str(path))
            for file in files:
                if file.is_symlink():
                    yield IntakeError("文件夹里的符号链接未读取", file=str(file))
                else:
                    yield from _one_file(file, limits)
        elif not path.exists():
            yield IntakeError("文件不存在", file=str(path))
        else:
            yield from _one_file(path, limits)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in sorted(names + links) if not _hidden(name))


def _hidden(name: str) -> bool:
    """Files of the operating system, not of the sender."""
    return name.startswith((".", "~$")) or name == "__MACOSX" or name.lower() in _SYSTEM_FILES


def _one_file(path: Path, limits: IntakeLimits) -> Iterator[Source | IntakeError]:
    name = str(path)
    if not path.is_file():
        yield IntakeError("不是普通文件", file=name)
        return
    suffix = path.suffix.lower()
    try:
        if suffix == ".zip":
            yield from _zip_members(path, limits)
        elif suffix == ".gz":
            yield _gzip_source(path, limits)
        elif suffix in FORMATS:
            yield Source(name, suffix, path.stem, lambda: _Guarded(path.open("rb"), name))
        else:
            yield _unsupported(name, suffix)
    except OSError as exc:
        yield IntakeError(f"文件无法读取（{exc.strerror or type(exc).__name__}）", file=name)


def _unsupported(name: str, suffix: str) -> IntakeError:
    kinds = "、".join(FORMATS)
    return IntakeError(f"不支持的文件类型 {suffix or '（无后缀）'}；支持 {kinds}，以及 .gz 与 .zip", file=name)


def _gzip_source(path: Path, limits: IntakeLimits) -> Source | IntakeError:
    inner = PurePosixPath(path.stem)
    if inner.suffix.lower() not in FORMATS or inner.suffix.lower() == ".xlsx":
        return _unsupported(str(path), inner.suffix.lower() + ".gz")
    allowed = max(limits.ratio_grace_bytes, min(limits.max_unpacked_bytes, path.stat().st_size * limits.max_ratio))

    def open_it() -> BinaryIO:
        return _Guarded(gzip.open(path, "rb"), str(path), allowed=allowed)  # pyright: ignore[reportArgumentType]

    return Source(str(path), inner.suffix.lower(), inner.stem, open_it)


def _zip_members(path: Path, limits: IntakeLimits) -> Iterator[Source | IntakeError]:
    name = str(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as exc:
        yield IntakeError(f"zip 文件不完整或已损坏（{type(exc).__name__}）", file=name)
        return
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        fault = bomb_fault(entries, limits, packed=path.stat().st_size)
        if fault:
            yield IntakeError(fault, file=name)
            return
        if not entries:
            yield IntakeError("zip 里没有文件", file=name)
        for entry in sorted(entries, key=_member_name):
            yield from _member(archive, entry, name, limits)


def bomb_fault(entries: Sequence[zipfile.ZipInfo], limits: IntakeLimits, *, packed: int) -> str | None:
    """Why an archive is refused unopened, from its directory; the sizes it claims are enforced again while reading."""
    if len(entries) > limits.max_entries:
        return f"压缩包内有 {len(entries):,} 个文件，上限 {limits.max_entries:,}"
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_unpacked_bytes:
        return f"压缩包解开后有 {total:,} 字节，上限 {limits.max_unpacked_bytes:,}"
    # Against the file on disk as well: overlapping members share their packed bytes and hide the true ratio.
    if total > limits.ratio_grace_bytes and total > limits.max_ratio * packed:
        return f"压缩比超过 {limits.max_ratio}，疑似压缩炸弹"
    for entry in entries:
        if entry.file_size > limits.ratio_grace_bytes and entry.file_size > limits.max_ratio * entry.compress_size:
            return f"压缩比超过 {limits.max_ratio}，疑似压缩炸弹"
    return None


def _member_name(entry: zipfile.ZipInfo) -> str:
    """Windows writes Chinese names in GB18030 without saying so; zipfile then reads them as cp437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def _member(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, outer: str, limits: IntakeLimits
) -> Iterator[Source | IntakeError]:
    inner = _member_name(entry)
    path = PurePosixPath(inner)
    name = f"{outer}!{inner}"
    if any(_hidden(part) for part in path.parts if part not in ("..", ".")):
        return
    suffix = path.suffix.lower()
    if not inner.isprintable() or "\\" in inner or path.is_absolute() or ".." in path.parts or inner[1:2] == ":":
        yield IntakeError("压缩包内的文件名不安全，未读取", file=f"{outer}!{inner!a}")
    elif stat.S_ISLNK(entry.external_attr >> 16):
        yield IntakeError("压缩包内的符号链接未读取", file=name)
    elif entry.flag_bits & 0x1:
        yield IntakeError("压缩包已加密，请解密后再导入", file=name)
    elif suffix in _NESTED:
        yield IntakeError("压缩包内不能再有压缩包", file=name)
    elif suffix not in FORMATS:
        yield _unsupported(name, suffix)
    else:

        def open_it() -> BinaryIO:
            try:
                handle = archive.open(entry)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as exc:
                raise IntakeError(f"压缩包内的文件无法打开（{type(exc).__name__}）", file=name) from exc
            return _Guarded(handle, name, allowed=limits.max_unpacked_bytes)  # pyright: ignore[reportArgumentType]

        yield Source(name, suffix, path.stem, open_it)


class _Guarded(io.BufferedReader):
    """A byte stream that counts what it hands out and turns every low-level failure into an IntakeError."""

    def __init__(self, inner: BinaryIO, name: str, *, allowed: int | None = None) -> None:
        super().__init__(_Counted(inner, name, allowed), buffer_size=1 << 16)


class _Counted(io.RawIOBase):
    def __init__(self, inner: BinaryIO, name: str, allowed: int | None) -> None:
        self._inner = inner
        self._name = name
        self._left = allowed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        try:
            data = self._inner.read(len(buffer))
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as exc:
            raise IntakeError("压缩数据不完整或已损坏，此处之后未读取", file=self._name) from exc
        except OSError as exc:
            raise IntakeError(f"读取失败（{exc.strerror or type(exc).__name__}）", file=self._name) from exc
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise IntakeError("解压后的大小超过上限或压缩比过高，疑似压缩炸弹", file=self._name)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
