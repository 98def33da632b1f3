"""A local GGUF model, run by llama-cpp-python in a child process that one supervising thread owns.

Why a process: a llama.cpp call can neither be interrupted nor survive an assertion failure inside the caller's process,
and one context must never serve two callers. The child is killed when it overruns a deadline or dies, and the next call
starts a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xiaobao.errors import (
    ModelError,
    ModelLimitError,
    ModelOutputError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from xiaobao.llm.gguf_child import Child, ChildDiedError
from xiaobao.llm.port import Completion, Message

GGUF_MAGIC = b"GGUF"
GGUF_VERSIONS = (2, 3)
"""Versions llama.cpp still reads (ggml `gguf.cpp`: 1 is refused, 3 is current)."""
_HEADER_BYTES = 24
"""magic 4, version 4, tensor count 8, metadata count 8."""


class GgufModel:
    """One GGUF file behind the `ChatModel` port; usable from any event loop or thread."""

    def __init__(
        self,
        path: Path,
        *,
        expected_sha256: str | None = None,
        n_ctx: int = 8192,
        n_threads: int | None = None,
        n_gpu_layers: int = 0,
        chat_template: str | None = None,
        load_timeout_s: float = 300,
        max_waiting: int = 256,
    ) -> None:
        """Check and hash the file (blocking: seconds per gigabyte); the child starts with the first call.

        Args:
            expected_sha256: hex digest the file must have; None accepts any and records what it is.
            n_ctx: context in tokens, prompt and reply together.
            n_threads: CPU threads; None leaves it to llama-cpp-python (half the cores).
            chat_template: Jinja template to use instead of the file's own.
            load_timeout_s: seconds a child may take to load; a call whose own deadline is shorter times out while the
                load goes on for the next one.
            max_waiting: calls that may wait for the context; more are refused at once.

        Raises:
            ModelUnavailableError: no file, not a GGUF, or another hash than expected.
        """
        self.name = path.stem
        self._path = path
        self._stat = _check_header(path)
        with path.open("rb") as file:
            self.sha256: str | None = hashlib.file_digest(file, "sha256").hexdigest()
        if expected_sha256 is not None and self.sha256 != expected_sha256.lower():
            raise ModelUnavailableError(f"模型文件 {path.name!r} 的 sha256 与登记值不符：实际 {self.sha256}")
        self._spec = {
            "path": str(path),
            "n_ctx": n_ctx,
            "n_threads": n_threads,
            "n_gpu_layers": n_gpu_layers,
            "chat_template": chat_template,
        }
        self._load_timeout_s = load_timeout_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._count_lock = threading.Lock()
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"gguf-{self.name}")
        self._child: Child | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the running child; None before the first call and after a crash was noticed."""
        child = self._child
        return child.pid if child is not None else None

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: dict[str, Any] | None, deadline_s: float
    ) -> Completion:
        """See `ChatModel.complete`. Calls are served one at a time, in order of arrival."""
        if self._closed:
            raise ModelUnavailableError(f"模型 {self.name!r} 已关闭")
        with self._count_lock:
            if self._waiting >= self._max_waiting:
                raise ModelUnavailableError(f"模型 {self.name!r} 排队已满（{self._max_waiting}）")
            self._waiting += 1
        deadline = time.monotonic() + deadline_s
        request = {
            "messages": [(m.role, m.content) for m in messages],
            "max_tokens": max_tokens,
            "schema": schema,
        }
        job = self._owner.submit(self._serve, json.dumps(request).encode(), deadline)
        job.add_done_callback(self._leave_queue)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(job)
        except TimeoutError as exc:
            raise ModelTimeoutError(f"模型 {self.name!r} 未在 {deadline_s:g} 秒内答复") from exc

    async def aclose(self) -> None:
        """End the child; calls that are waiting fail with `ModelUnavailableError`."""
        if self._closed:
            return
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()  # ends a call in progress, so that the owner thread comes free
        self._owner.shutdown(wait=False)
        await asyncio.to_thread(self._owner.shutdown)
        if self._child is not None:
            self._child.discard()
            self._child = None

    def _leave_queue(self, _job: object) -> None:
        with self._count_lock:
            self._waiting -= 1

    def _serve(self, request: bytes, deadline: float) -> Completion:
        """Runs on the owner thread, the only one that talks to the child.

        Raises:
            TimeoutError: `deadline` (monotonic) has passed.
        """
        if self._closed:
            raise ModelUnavailableError(f"模型 {self.name!r} 已关闭")
        child = self._ready_child()
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        try:
            reply = child.ask(request, timeout_s=remaining)
        except ChildDiedError as exc:
            self._child = None
            raise ModelUnavailableError(f"模型 {self.name!r} 的推理进程异常退出（{exc}），下次提问会重新启动") from exc
        except TimeoutError:
            self._child = None
            raise
        return self._completion(reply)

    def _ready_child(self) -> Child:
        if self._child is not None:
            if self._child.alive:
                return self._child
            self._child.discard()  # died while idle: nobody's call is lost, so nobody is told
            self._child = None
        if _check_header(self._path) != self._stat:
            raise ModelUnavailableError(f"模型文件 {self._path.name!r} 在运行中被改动，请重启服务以重新校验")
        child = self._child = Child()
        try:
            reply = child.ask(json.dumps(self._spec).encode(), timeout_s=self._load_timeout_s)
        except TimeoutError as exc:
            self._child = None
            raise ModelUnavailableError(f"模型 {self.name!r} 未在 {self._load_timeout_s:g} 秒内加载完成") from exc
        except ChildDiedError as exc:
            self._child = None
            raise ModelUnavailableError(f"模型 {self.name!r} 加载时推理进程异常退出（{exc}）") from exc
        if "error" in reply:
            child.discard()
            self._child = None
            raise ModelUnavailableError(f"模型 {self.name!r} 无法加载：{reply['detail']}")
        return child

    def _completion(self, reply: dict[str, Any]) -> Completion:
        kind = reply.get("error")
        if kind is None:
            return Completion(**reply)
        message = f"模型 {self.name!r}：{reply['detail']}"
        error: ModelError
        if kind == "limit":
            error = ModelLimitError(message)
        elif kind in {"template", "schema"}:
            error = ModelUnavailableError(message)
        else:  # control_token, internal
            error = ModelOutputError(message, raw="")
        raise error


def _check_header(path: Path) -> tuple[int, int, int]:
    """Refuse what is no GGUF before llama.cpp's parser sees it; returns (inode, size, mtime_ns)."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            stat = os.fstat(file.fileno())
    except OSError as exc:
        raise ModelUnavailableError(f"无法读取模型文件 {path.name!r}：{exc.strerror}") from exc
    if len(header) < _HEADER_BYTES or header[:4] != GGUF_MAGIC:
        raise ModelUnavailableError(f"{path.name!r} 不是 GGUF 模型文件")
    version = int.from_bytes(header[4:8], "little")
    if version not in GGUF_VERSIONS:
        raise ModelUnavailableError(f"{path.name!r} 的 GGUF 版本为 {version}，只支持 {GGUF_VERSIONS}")
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
