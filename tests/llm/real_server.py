"""A real `llama_cpp.server` on loopback, as an operator would run one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def llama_server(gguf: Path, *, n_ctx: int = 1024) -> Iterator[str]:
    """A real llama_cpp.server with an API key; yields its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "llama_cpp.server", "--model", str(gguf), "--model_alias", "tiny"),
            *(
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--n_ctx",
                str(n_ctx),
                "--api_key",
                "right",
                "--verbose",
                "false",
            ),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    log = []
    for line in process.stderr:
        log.append(line)
        if "Uvicorn running" in line:
            break
    else:
        raise RuntimeError("llama_cpp.server did not start: " + "".join(log[-5:]))
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()
