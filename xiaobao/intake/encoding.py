"""Which encoding a file is in: decided once per file, from a full pass, and told."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

from xiaobao.errors import IntakeError

_CHUNK = 1 << 20
_SAMPLE = 1 << 18
DAMAGED_UTF8 = 0.3
"""Share of non-ASCII bytes that break UTF-8, below which a file is UTF-8 with damage. GB18030 text read as UTF-8
breaks on about four bytes in five."""
PLAIN_CHINESE = 0.7
"""Share of two-byte characters that must be common ones (GB2312 level 1 or punctuation) for GB18030. Ordinary Chinese
is above 0.95; UTF-8 misread as GB18030 is below 0.5."""


@dataclass(frozen=True)
class Encoding:
    """How to decode a file. Damaged places decode to lone surrogates, which the hygiene check then names."""

    codec: str
    note: str | None = None
    """Chinese; None for UTF-8."""


UTF8 = Encoding("utf-8-sig")
DAMAGED = "xiaobao-damaged"
"""Name of the error handler for decoding: like `surrogateescape`, and for bytes below 0x80 as well, which UTF-16 may
leave over (an odd length, a broken pair)."""


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(DAMAGED, _mark_damage)


def detect_encoding(open_file: Callable[[], BinaryIO], *, file: str) -> Encoding:
    """UTF-8, UTF-8 or UTF-16 with BOM, GB18030, or whatever charset-normalizer tells Big5 from GB18030 as.

    Raises:
        IntakeError: the file is empty, or in none of these encodings; names line and column of the first bad byte.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    previous, lines, any_byte = b"", 0, False
    with open_file() as handle:
        while chunk := handle.read(_CHUNK):
            if not any_byte:
                if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return Encoding("utf-16", "按 UTF-16 解码")
                any_byte = True
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as exc:
                pending = decoder.getstate()[0]
                at = max(exc.start - len(pending), 0)
                sample = (previous[-_SAMPLE:] + chunk + handle.read(_SAMPLE))[: _SAMPLE * 3]
                if at > _SAMPLE * 2:
                    sample = chunk[at - _SAMPLE : at + _SAMPLE]
                line_start = chunk.rfind(b"\n", 0, at) + 1
                line = lines + chunk.count(b"\n", 0, at) + 1
                column = len(chunk[line_start:at].decode(errors="replace")) + 1
                return _other(sample, file=file, line=line, column=column)
            lines += chunk.count(b"\n")
            previous = chunk
    if not any_byte:
        raise IntakeError("文件是空的", file=file)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return UTF8 if _utf8_damage(previous) < DAMAGED_UTF8 else _other(previous, file=file, line=lines + 1, column=1)
    return UTF8


def _other(sample: bytes, *, file: str, line: int, column: int) -> Encoding:
    if _utf8_damage(sample) < DAMAGED_UTF8:
        return UTF8
    if _gb18030_share(sample) >= PLAIN_CHINESE:
        return Encoding("gb18030", "按 GB18030 解码")
    best = from_bytes(sample[:_SAMPLE], cp_isolation=["gb18030", "big5"], threshold=0.2).best()
    if best is not None and best.encoding in ("gb18030", "big5"):
        name = best.encoding.upper()
        return Encoding(best.encoding, f"按 {name} 解码")
    raise IntakeError("编码无法识别（支持 UTF-8、UTF-16 带 BOM、GB18030）", file=file, line=line, column=column)


def _utf8_damage(sample: bytes) -> float:
    """Share of the non-ASCII bytes of `sample` that do not belong to a UTF-8 character; cut ends do not count."""
    text = sample.decode("utf-8", errors="surrogateescape")
    high = sum(byte >= 0x80 for byte in sample)
    bad = sum(0xDC80 <= ord(char) <= 0xDCFF for char in text[3:-3])
    return bad / high if high else 0.0


def _gb18030_share(sample: bytes) -> float:
    """Share of the two-byte characters that are common Chinese, walking the bytes as GB18030 does."""
    at, pairs, common = 0, 0, 0
    while at < len(sample) - 1:
        lead = sample[at]
        if lead < 0x80:
            at += 1
            continue
        trail = sample[at + 1]
        if 0x30 <= trail <= 0x39:  # four-byte form: rare characters
            at += 4
            continue
        pairs += 1
        common += trail >= 0xA1 and (0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7)
        at += 2
    return common / pairs if pairs else 0.0
