"""Every error the product raises on purpose.

XiaobaoError
├── InputError            an argument or a file that cannot be used (exit code 2)
│   └── IntakeError       one record cannot become a transcript; carries file, line, reason
├── PolicyError           a rule, lexicon, clause or scorecard file is wrong
├── ModelError            a chat model failed; never read as "no violation"
│   ├── ModelTimeoutError
│   ├── ModelUnavailableError
│   ├── ModelLimitError   the prompt does not fit the model's context; it is never truncated
│   └── ModelOutputError  the reply is malformed or breaks its schema; carries the raw reply
└── StoreError            the database refused or a stored record does not verify
    └── DuplicateCallError  the same call_id with other content

Messages name ids (`!r`), never what a customer said.
"""

from __future__ import annotations

__all__ = [
    "DuplicateCallError",
    "InputError",
    "IntakeError",
    "ModelError",
    "ModelLimitError",
    "ModelOutputError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "PolicyError",
    "StoreError",
    "XiaobaoError",
]


class XiaobaoError(Exception):
    """Root of the tree; `code` is stable and documented for programs."""

    code = "xiaobao_error"


class InputError(XiaobaoError):
    code = "input_invalid"


class IntakeError(InputError):
    """One record that cannot become a transcript.

    Args:
        reason: what is wrong, in Chinese, for the person who sent the file.
        file: path or archive member as shown to the user.
        line: 1-based line (text, JSONL) or row (CSV, XLSX); None where lines make no sense.
        column: 1-based column, where known.
    """

    code = "intake_rejected"

    def __init__(self, reason: str, *, file: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f" 第 {self.line} 行"
        if self.column is not None:
            place += f"第 {self.column} 列"
        return f"{place}：{self.reason}"


class PolicyError(XiaobaoError):
    code = "policy_invalid"


class ModelError(XiaobaoError):
    code = "model_failed"


class ModelTimeoutError(ModelError):
    code = "model_timeout"


class ModelUnavailableError(ModelError):
    code = "model_unavailable"


class ModelLimitError(ModelError):
    code = "model_limit_exceeded"


class ModelOutputError(ModelError):
    code = "model_output_invalid"

    def __init__(self, message: str, *, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


class StoreError(XiaobaoError):
    code = "store_failed"


class DuplicateCallError(StoreError):
    code = "duplicate_call"
