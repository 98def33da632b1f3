"""Derived files beside the data: named by the hash of what they come from, never half written, safe to delete."""

from __future__ import annotations

import tempfile
from pathlib import Path


def read_cached(folder: Path | None, name: str) -> bytes | None:
    """The file's bytes, or None where there is none."""
    if folder is None:
        return None
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None


def write_cached(folder: Path | None, name: str, content: bytes) -> None:
    """Write beside and rename, so that another process never reads half a file; nothing without a folder."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as handle:
        handle.write(content)
    Path(handle.name).replace(folder / name)
