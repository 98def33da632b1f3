"""Refusals before a file is parsed: size, encryption, macros, archives that unpack to far more than they weigh."""

from __future__ import annotations

import zipfile
from pathlib import Path

from kb.loaders.base import RefusedFileError

MAX_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
MAX_RATIO = 200
"""Office files compress 3 to 20 times; a member above this and above `_RATIO_FLOOR` is built to exhaust memory."""
MAX_MEMBERS = 10_000
_RATIO_FLOOR = 1024 * 1024
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""First bytes of the old binary Office formats, and of an encrypted new one."""
_MACRO_SUFFIXES = frozenset({".docm", ".xlsm", ".xlsb", ".dotm", ".xltm", ".pptm"})
_OLD_SUFFIXES = {".doc": "docx", ".xls": "xlsx", ".ppt": "pdf", ".wps": "docx", ".et": "xlsx"}


def check_file(path: Path) -> None:
    """Refuse what must not be opened.

    Raises:
        RefusedFileError: with the reason in Chinese.
    """
    if path.is_symlink():
        raise RefusedFileError("不导入符号链接")
    suffix = path.suffix.lower()
    if suffix in _MACRO_SUFFIXES:
        raise RefusedFileError("含宏的文件不导入，请另存为不含宏的格式")
    if suffix in _OLD_SUFFIXES:
        raise RefusedFileError(f"旧版格式 {suffix} 不支持，请另存为 {_OLD_SUFFIXES[suffix]}")
    size = path.stat().st_size
    if size == 0:
        raise RefusedFileError("文件为空")
    if size > MAX_BYTES:
        raise RefusedFileError(f"文件过大：{size / 1024 / 1024:.0f} MB，上限 {MAX_BYTES // 1024 // 1024} MB")
    if suffix in (".docx", ".xlsx"):
        _check_office(path)


def _check_office(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_OLE))
    if head == _OLE:
        raise RefusedFileError("文件已加密（或其实是旧版格式），请解除密码后再导入")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as exc:
        raise RefusedFileError("文件损坏，无法打开") from exc
    if len(members) > MAX_MEMBERS:
        raise RefusedFileError(f"压缩包内文件过多：{len(members)} 个，疑似压缩炸弹")
    # Sizes of the directory can lie, but zipfile stops reading a member at its stated size.
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise RefusedFileError("解压后体积过大，疑似压缩炸弹")
    for member in members:
        if member.file_size > _RATIO_FLOOR and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise RefusedFileError("压缩比异常，疑似压缩炸弹")
        if member.flag_bits & 0x1:
            raise RefusedFileError("文件已加密，请解除密码后再导入")
        if member.filename.lower().endswith("vbaproject.bin"):
            raise RefusedFileError("含宏的文件不导入，请另存为不含宏的格式")
