"""A PostgreSQL cluster of our own for the time of a test run: a Unix socket in a temporary folder, no TCP port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL


def find_binaries() -> Path | None:
    """Folder of initdb and pg_ctl, of the newest installed major version."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders = debian + ([Path(on_path).resolve().parent] if on_path else [])
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root: the user to run it as then; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def temporary_cluster(binaries: Path) -> Iterator[URL]:
    """Start a cluster; yields the URL of its maintenance database."""
    user = unprivileged_user()
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL}
    # A short folder of its own: a socket path has 107 bytes, and pytest's folders are closed to other users.
    home = Path(tempfile.mkdtemp(prefix="xb-pg-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        options |= {"user": user, "group": entry.pw_gid, "extra_groups": []}
    options["cwd"] = home
    data = home / "data"
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "xiaobao", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            **options,
        )
        settings = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c max_connections=40"
        control = [binaries / "pg_ctl", "-D", data, "-w", "-s"]
        subprocess.run([*control, "-l", home / "log", "-o", settings, "start"], check=True, **options)
        try:
            yield URL.create("postgresql", username="xiaobao", database="postgres", query={"host": str(home)})
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **options)
    finally:
        shutil.rmtree(home, ignore_errors=True)
