"""Characters, numbers and nesting that no later stage should ever have to think about."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

MAX_DEPTH = 32
"""Levels of objects and lists in one record. Serializers recurse: orjson stops at 254, jiter at about 200."""
MAX_INT = 2**63 - 1
"""Largest whole number that SQLite, PostgreSQL and orjson all keep exactly."""


def text_fault(text: str) -> tuple[str, int] | None:
    """Reason (Chinese) and 0-based index of the first character that cannot be kept, or None.

    U+0000 is refused and not replaced: PostgreSQL cannot store it and a replacement would change what a quote proves.
    """
    at = text.find("\x00")
    if at >= 0:
        return "含 NUL 字符（U+0000）", at
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        code = ord(text[exc.start])
        if 0xDC80 <= code <= 0xDCFF:  # left by `encoding.DAMAGED`: a byte that did not decode
            return f"字节 0x{code - 0xDC00:02X} 不符合文件编码", exc.start
        return f"含孤立的代理字符 U+{code:04X}，不是合法文字", exc.start
    return None


def first_fault(value: object) -> str | None:
    """Why `value`, as parsed from JSON, cannot be taken in (Chinese, with the path to the place), or None."""
    stack: list[tuple[str, object, int]] = [("", value, 1)]
    while stack:
        path, item, depth = stack.pop()
        if isinstance(item, str):
            fault = text_fault(item)
            if fault:
                return f"{path or '值'} 第 {fault[1] + 1} 个字符：{fault[0]}"
        elif isinstance(item, bool) or item is None:
            continue
        elif isinstance(item, int):
            if abs(item) > MAX_INT:
                return f"{path or '值'} 的数字过大（超过 64 位）"
        elif isinstance(item, float):
            if not isfinite(item):
                return f"{path or '值'} 不是有限的数字（NaN 或无穷大）"
        elif isinstance(item, Mapping):
            if depth >= MAX_DEPTH:
                return f"嵌套过深（上限 {MAX_DEPTH} 层）"
            for key, inner in item.items():
                if not isinstance(key, str):
                    return f"{path or '值'} 的键不是文字"
                fault = text_fault(key)
                if fault:
                    return f"{path or '值'} 的键{fault[0]}"
                stack.append((f"{path}.{key[:40]}" if path else key[:40], inner, depth + 1))
        elif isinstance(item, list | tuple):
            if depth >= MAX_DEPTH:
                return f"嵌套过深（上限 {MAX_DEPTH} 层）"
            stack.extend((f"{path}[{i}]", inner, depth + 1) for i, inner in enumerate(item))
        else:
            return f"{path or '值'} 的类型 {type(item).__name__} 不是 JSON 类型"
    return None
