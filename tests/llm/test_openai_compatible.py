"""The remote backend: against a real `llama_cpp.server` on loopback, and against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import SecretStr

from tests.llm.fake_server import GOOD, FakeServer, body, fake_server
from xiaobao.errors import (
    ModelError,
    ModelLimitError,
    ModelOutputError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from xiaobao.llm import Completion, Message
from xiaobao.llm.openai_compatible import MAX_BODY_BYTES, Dialect, OpenAICompatibleModel

pytestmark = pytest.mark.asyncio
ASK = (Message("system", "你是质检员"), Message("user", "请回答"))


def schema(*values: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"value": {"type": "string", "enum": list(values)}},
        "required": ["value"],
        "additionalProperties": False,
    }


async def ask(
    url: str,
    *values: str,
    dialect: Dialect = "json_object",
    key: str = "k",
    deadline_s: float = 30,
    text: str = "请回答",
) -> Completion:
    model = OpenAICompatibleModel(base_url=url, model="tiny", api_key=SecretStr(key), dialect=dialect)
    try:
        return await model.complete(
            (*ASK[:1], Message("user", text)), max_tokens=64, schema=schema(*values), deadline_s=deadline_s
        )
    finally:
        await model.aclose()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as state:
        yield state


async def test_a_real_server_answers_within_the_schema(llama_server: str) -> None:
    completion = await ask(llama_server, "violated", "compliant", key="right")
    assert json.loads(completion.text)["value"] in {"violated", "compliant"}
    assert completion.finish_reason == "stop"
    assert completion.prompt_tokens > 0
    assert completion.completion_tokens > 0


async def test_parallel_requests_to_a_real_server_get_their_own_answers(llama_server: str) -> None:
    answers = await asyncio.gather(*(ask(llama_server, f"caller-{i}", key="right") for i in range(6)))
    assert [json.loads(a.text)["value"] for a in answers] == [f"caller-{i}" for i in range(6)]


async def test_a_real_server_truncates_and_says_so(llama_server: str) -> None:
    assert (await ask(llama_server, "a" * 200, key="right")).finish_reason == "length"


async def test_a_real_server_refuses_a_prompt_above_its_context(llama_server: str) -> None:
    with pytest.raises(ModelLimitError):
        await ask(llama_server, "a", key="right", text="问" * 4000)


async def test_a_wrong_key_is_unavailable(llama_server: str) -> None:
    with pytest.raises(ModelUnavailableError, match="401"):
        await ask(llama_server, "a", key="wrong")


async def test_the_wrong_dialect_for_a_real_server_is_told(llama_server: str) -> None:
    with pytest.raises(ModelUnavailableError, match="拒绝请求"):
        await ask(llama_server, "a", key="right", dialect="json_schema")


async def test_no_server_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        with pytest.raises(ModelUnavailableError):
            await ask(f"http://127.0.0.1:{probe.getsockname()[1]}/v1", "a")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("json_object", {"type": "json_object", "schema": schema("a")}),
        (
            "json_schema",
            {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema("a")}},
        ),
    ],
)
async def test_what_goes_over_the_wire(server: FakeServer, dialect: Dialect, expected: dict[str, Any]) -> None:
    assert await ask(server.url, "a", dialect=dialect) == Completion("{}", "stop", 3, 2)
    [(path, headers, content)] = server.asked
    sent = json.loads(content)
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer k"
    assert sent.pop("messages") == [{"role": m.role, "content": m.content} for m in ASK]
    assert sent.pop("response_format") == expected
    assert sent.pop("seed") == 20260101
    assert sent == {"model": "tiny", "temperature": 0, "max_tokens": 64, "stream": False}


async def test_proxies_of_the_environment_are_not_used(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_PROXY", "OPENAI_API_BASE"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await ask(server.url, "a")).text == "{}"


async def test_no_trace_leaves_when_the_environment_asks_for_traces(server: FakeServer) -> None:
    # In a process of its own, because langsmith reads its environment once; after our import, which switches traces off
    # globally: the backend must hold its own line too.
    script = (
        "import asyncio, os, sys\n"
        "from tests.llm.test_openai_compatible import ask\n"
        "os.environ.update(LANGSMITH_TRACING='true', LANGCHAIN_TRACING_V2='true', LANGSMITH_API_KEY='x')\n"
        "os.environ['LANGSMITH_ENDPOINT'] = sys.argv[1]\n"
        "asyncio.run(ask(sys.argv[1], 'a'))\n"
        "from langchain_core.tracers.langchain import wait_for_all_tracers\n"
        "wait_for_all_tracers()\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, server.url), env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert await process.wait() == 0
    assert [path for path, _, _ in server.asked] == ["/v1/chat/completions"]


async def test_a_redirect_is_not_followed(server: FakeServer) -> None:
    with fake_server() as elsewhere:
        server.reply(b"", status=307, location=elsewhere.url + "/chat/completions")
        with pytest.raises(ModelUnavailableError):
            await ask(server.url, "a")
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503])
async def test_an_error_status_is_unavailable_and_asked_once(server: FakeServer, status: int) -> None:
    server.reply(b'{"error": {"message": "quoted prompt"}}', status=status)
    with pytest.raises(ModelUnavailableError, match=str(status)) as info:
        await ask(server.url, "a")
    assert "quoted prompt" not in str(info.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"),
        (400, "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
        (500, "Requested tokens (5000) exceed context window of 4096"),
    ],
    ids=["vllm", "llama-server", "llama_cpp.server"],
)
async def test_a_prompt_above_the_context_is_recognised(server: FakeServer, status: int, message: str) -> None:
    server.reply(json.dumps({"error": {"message": message}}).encode(), status=status)
    with pytest.raises(ModelLimitError):
        await ask(server.url, "a")


NONSENSE = {
    "html": b"<html>Bad gateway</html>",
    "empty": b"",
    "error-body": b'{"error": {"message": "out of memory", "type": "server_error"}}',
    "array": b"[]",
    "string": b'"ok"',
    "null": b"null",
    "number": b"NaN",
    "no-choices": b'{"id": "1", "object": "chat.completion", "choices": []}',
    "null-choices": json.dumps(GOOD | {"choices": None}).encode(),
    "no-message": json.dumps(GOOD | {"choices": [{"index": 0, "finish_reason": "stop"}]}).encode(),
    "cut-json": json.dumps(GOOD).encode()[:60],
    "sse": b'data: {"choices": [{"delta": {"content": "{"}}]}\n\ndata: {"cho',
    "not-utf8": b"\xff\xfe\x00",
    "flood": b" " * (MAX_BODY_BYTES + 1),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_with_status_200_is_an_output_error(server: FakeServer, content: bytes) -> None:
    server.reply(content)
    with pytest.raises(ModelOutputError):
        await ask(server.url, "a")


@pytest.mark.parametrize("content", [None, ""])
async def test_an_empty_message_is_an_empty_text(server: FakeServer, content: str | None) -> None:
    server.reply(body(message={"role": "assistant", "content": content}))
    assert (await ask(server.url, "a")).text == ""


async def test_a_filtered_reply_is_no_stop(server: FakeServer) -> None:
    server.reply(body(finish_reason="content_filter"))
    assert (await ask(server.url, "a")).finish_reason == "content_filter"


async def test_a_connection_cut_half_way_is_an_output_error(server: FakeServer) -> None:
    content = json.dumps(GOOD).encode()
    server.reply(content[:50], content_length=str(len(content)), connection="close")
    server_answer = server.answer

    def answer_and_hang_up(handler: BaseHTTPRequestHandler) -> None:
        server_answer(handler)
        handler.close_connection = True

    server.answer = answer_and_hang_up
    with pytest.raises(ModelOutputError):
        await ask(server.url, "a")


def hang(server: FakeServer) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(_handler: BaseHTTPRequestHandler) -> None:
        server.stop.wait()

    return answer


def trickle(server: FakeServer) -> Callable[[BaseHTTPRequestHandler], None]:
    """One byte of white space at a time, each in time for any read timeout."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        while not server.stop.wait(0.02):
            handler.wfile.write(b" ")

    return answer


def hang_after_headers(server: FakeServer) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        server.stop.wait()

    return answer


def hang_in_headers(server: FakeServer) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        server.stop.wait()

    return answer


@pytest.mark.parametrize("shape", [hang, hang_in_headers, hang_after_headers, trickle])
async def test_a_slow_server_ends_at_the_total_deadline(server: FakeServer, shape: Any) -> None:
    server.answer = shape(server)
    results = await asyncio.gather(*(ask(server.url, "a", deadline_s=1.0) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [ModelTimeoutError] * 5


async def test_one_model_serves_several_event_loops(server: FakeServer) -> None:
    model = OpenAICompatibleModel(base_url=server.url, model="tiny")

    def own_loop() -> str:
        return asyncio.run(model.complete(ASK, max_tokens=8, schema=None, deadline_s=30)).text

    assert [await asyncio.to_thread(own_loop) for _ in range(3)] == ["{}"] * 3
    await model.aclose()


async def test_every_failure_is_a_model_error() -> None:
    for error in (ModelLimitError, ModelOutputError, ModelTimeoutError, ModelUnavailableError):
        assert issubclass(error, ModelError)
