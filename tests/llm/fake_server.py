"""A small HTTP server that misbehaves on request: what the remote backend must survive."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def body(**message: Any) -> bytes:
    """A completion whose only choice is changed."""
    return json.dumps(GOOD | {"choices": [GOOD["choices"][0] | message]}).encode()


@dataclass
class FakeServer:
    """What to answer, and what was asked."""

    url: str
    stop: threading.Event
    """Set at the end, so that hanging answers end."""
    answer: Callable[[BaseHTTPRequestHandler], None]
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """(path, headers by lower-case name, body) of every request."""

    def reply(self, content: bytes, *, status: int = 200, **headers: str) -> None:
        """Answer everything with this."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            send(handler, content, status=status, **headers)

        self.answer = answer


def send(handler: BaseHTTPRequestHandler, content: bytes, *, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"content-type": "application/json", "content-length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """Serve on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, content))
            with suppress(BrokenPipeError, ConnectionResetError):  # the client may rightly hang up
                state.answer(self)

        do_GET = do_POST  # noqa: N815 - the name http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the overridden name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = FakeServer(f"http://127.0.0.1:{server.server_port}/v1", threading.Event(), lambda handler: None)
    state.reply(json.dumps(GOOD).encode())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
