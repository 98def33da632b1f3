"""The folder of derived indexes: one owner, sealed generations, rebuilt whenever a byte is not as it was written.

Nothing here is a source: every index can be made again from the clause files and the document database. A generation
is a folder named after what it was made from; it is written under a temporary name, sealed with the sha256 of each of
its files, and only then renamed into place. Chroma reads its files as trusted (one is a pickle, and a damaged graph
crashes the process), so a generation is verified before it is opened.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import orjson

from xiaobao.errors import StoreError

_LOCK = "owner.lock"
_SEAL = "seal.json"
_KEY_CHARS = 24
"""96 bits of the key name a generation; the seal holds the whole key."""


class IndexOwnedError(StoreError):
    """Another process owns the index folder."""

    code = "index_owned"


class IndexDirectory:
    """The index folder, held by this process alone."""

    def __init__(self, root: Path, lock: int) -> None:
        self.root = root
        self._lock: int | None = lock

    @classmethod
    def own(cls, root: Path) -> IndexDirectory:
        """Take the folder (made 0700); the operating system gives it back when the process ends, however it ends.

        Raises:
            IndexOwnedError: another process, or another object in this one, has it.
        """
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(lock)
            raise IndexOwnedError(f"检索索引正被另一进程使用：{root.name}") from exc
        return cls(root, lock)

    def close(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def place(self, collection: str, kind: str, key: str) -> Path:
        """Where the generation of `key` lies once published."""
        return self._shelf(collection, kind) / key[:_KEY_CHARS]

    def damage(self, generation: Path, key: str) -> str | None:
        """Why the generation cannot be used, or None when it is exactly as it was sealed for `key`."""
        if not generation.is_dir():
            return "missing"
        try:
            seal = orjson.loads(_seal_of(generation).read_bytes())
            if seal["key"] != key:
                return "made from other content"
            sealed = seal["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return "seal unreadable"
        if sealed != _digests(generation):
            return "files changed since they were sealed"
        return None

    def begin(self, collection: str, kind: str) -> Path:
        """An empty folder to build a generation in."""
        draft = self._shelf(collection, kind) / f"draft-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        return draft

    def publish(self, draft: Path, collection: str, kind: str, key: str) -> Path:
        """Seal a finished draft, put it in its place and remove every other generation of the collection."""
        final = self.place(collection, kind, key)
        for old in final.parent.iterdir():
            if old != draft:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        draft.rename(final)
        self.seal(final, key)
        return final

    def seal(self, generation: Path, key: str) -> None:
        """Record the generation's files as good, as they are now."""
        content = orjson.dumps({"key": key, "files": _digests(generation)})
        target = _seal_of(generation)
        draft = target.with_suffix(".new")
        draft.write_bytes(content)
        draft.replace(target)

    def _shelf(self, collection: str, kind: str) -> Path:
        # A collection's name may be any text; its hash is a safe folder name.
        return self.root / f"{kind}-{hashlib.sha256(collection.encode()).hexdigest()[:16]}"


def _seal_of(generation: Path) -> Path:
    return generation.with_name(f"{generation.name}.{_SEAL}")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
