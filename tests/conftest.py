"""What all tests share: nothing reaches beyond this machine, and the shipped rules are compiled once a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
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
    """Every attempt fails the test that made it, also where a library swallowed the refusal."""
    yield
    made, attempts[:] = list(attempts), []
    assert made == []


@pytest.fixture(scope="session")
def rule_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled rules of this run, for all workers of pytest-xdist; a new run starts without."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rule-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, rule_cache: Path) -> Path:
    """A data directory with nothing in it but the compiled rules."""
    return with_rule_cache(tmp_path / "data", rule_cache)


def with_rule_cache(folder: Path, rule_cache: Path) -> Path:
    """Make `folder` a data directory that shares the compiled rules."""
    folder.mkdir(mode=0o700)
    (folder / "cache").symlink_to(rule_cache, target_is_directory=True)
    return folder
