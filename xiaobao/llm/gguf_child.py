"""A running `gguf_worker`, and the deadline that kills it.

Why `subprocess` instead of `multiprocessing` spawn: spawn re-imports the parent's main module into the child, which
makes a restart slow and hands the child everything the parent imports.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

_MAX_REPLY_BYTES = 8 * 2**20


class ChildDiedError(Exception):
    """The child ended by itself; the message says how."""


class Child:
    """A running `gguf_worker`; used by one thread, killable by any."""

    def __init__(self) -> None:
        ours, theirs = Pipe(duplex=True)
        self._conn: Connection = ours
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no outside text in the arguments
                [sys.executable, "-m", "xiaobao.llm.gguf_worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_child_env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # llama.cpp prints pieces of prompts when it aborts
                start_new_session=True,  # Ctrl-C goes to the parent, which drains first
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes, *, timeout_s: float) -> dict[str, Any]:
        """Send one request and wait for its answer. After an error the child is dead and discarded.

        Raises:
            TimeoutError: no answer within `timeout_s`.
            ChildDiedError: the child died first.
        """
        watchdog = _Watchdog(self.kill, timeout_s)
        try:
            # Both calls can block, on a child that hangs with a full socket too; its death unblocks them.
            self._conn.send_bytes(request)
            reply = json.loads(self._conn.recv_bytes(_MAX_REPLY_BYTES))
        except (EOFError, OSError, ValueError) as exc:
            expired = not watchdog.call_off()
            self.discard()
            if expired:
                raise TimeoutError from exc
            raise ChildDiedError(_cause(self._process.returncode)) from exc
        if not watchdog.call_off():
            self.discard()
            raise TimeoutError
        return reply

    def kill(self) -> None:
        """End the child at once and reap it."""
        self._process.kill()
        self._process.wait()

    def discard(self) -> None:
        """Kill and close; only for the thread that asks, which may be inside the connection otherwise."""
        self.kill()
        self._conn.close()


class _Watchdog:
    """Runs `act` after `timeout_s` unless it is called off first; never both."""

    def __init__(self, act: Callable[[], None], timeout_s: float) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._decided: bool = False
        self._timer = threading.Timer(timeout_s, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            if self._decided:
                return
            self._decided = True
        self._act()

    def call_off(self) -> bool:
        """Whether it was still in time."""
        self._timer.cancel()
        with self._lock:
            if self._decided:
                return False
            self._decided = True
            return True


def _cause(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return signal.Signals(-returncode).name
    return f"退出码 {returncode}"


def _child_env() -> dict[str, str]:
    """The parent's environment without our own settings, which hold keys and passwords the child has no use for."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XIAOBAO_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_"))}
    env["PYTHONPATH"] = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return env
