"""Parsing JSON the slow way, for what the fast path did not take: whole numbers stay exact, faults get a place.

orjson would be quicker but reads a 20-digit number as a rounded float, and a rounded serial number is a wrong one.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


class JsonFaultError(ValueError):
    """Why and where a text is not JSON."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        """Chinese."""
        self.at = at
        """0-based index into the text."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_value(text: str, at: int = 0) -> tuple[Any, int]:
    """The JSON value that begins exactly at `at`, and the index after it.

    Raises:
        JsonFaultError: there is none.
    """
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as exc:
        if "Unterminated" in exc.msg or not text[exc.pos :].strip():
            reason = "JSON 不完整（文件可能被截断）"
        elif "control character" in exc.msg:
            reason = "文字里有未转义的控制字符"
        else:
            reason = "不是合法的 JSON"
        raise JsonFaultError(reason, exc.pos) from None
    except RecursionError:
        raise JsonFaultError("嵌套过深", at) from None
    except ValueError:  # int() refuses more than 4,300 digits, `_refuse_constant` NaN and Infinity
        raise JsonFaultError("数字过大，或不是有限的数字", at) from None


def parse_whole(text: str) -> Any:
    """The one JSON value of `text`, blanks around it allowed.

    Raises:
        JsonFaultError: none, or something after it.
    """
    start = len(text) - len(text.lstrip(" \t\r\n"))
    value, end = parse_value(text, start)
    rest = text[end:].lstrip(" \t\r\n")
    if rest:
        raise JsonFaultError("JSON 对象之后还有多余内容", len(text) - len(rest))
    return value
