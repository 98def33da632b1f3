"""No test may reach beyond this machine: every attempt fails, and fails the test that made it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

LOCAL = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")
attempts: list[str] = []
"""Audit event and host of every refused attempt of this process."""


def _refuse_remote(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: sees every socket of this process, whichever library opened it."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name and not str(name).startswith(LOCAL):
        attempts.append(f"{event} {name}")
        raise PermissionError(f"a test reached for {name}")


sys.addaudithook(_refuse_remote)


@pytest.fixture(autouse=True)
def _nothing_leaves_this_machine() -> Iterator[None]:
    """Fails also where a library swallowed the refusal."""
    yield
    made, attempts[:] = list(attempts), []
    assert made == []
