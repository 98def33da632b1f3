"""Any OpenAI-compatible server (llama_cpp.server, llama-server, vLLM …) through langchain-openai.

The prompt leaves this process here and nowhere else, so the text must be masked before it comes; the client follows no
redirect, uses no proxy from the environment and sends no trace.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal

import httpx
from pydantic import SecretStr

from xiaobao.errors import (
    ModelError,
    ModelLimitError,
    ModelOutputError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from xiaobao.llm.port import Completion, Message

Dialect = Literal["json_object", "json_schema"]
"""How a schema is asked for: `json_object` with a `schema` key (llama_cpp.server) or OpenAI's `json_schema` (vLLM and
others). A server that does not know the field answers free text, which is why every reply is validated again."""

_CONTEXT_OVERFLOW = re.compile(r"exceeds? (?:the available )?context|maximum context length", re.IGNORECASE)
"""As llama_cpp.server 0.3.36 (status 500), llama-server and vLLM word it; OpenAI's wording langchain-openai knows."""
SEED = 20260101
MAX_BODY_BYTES = 4 * 2**20
"""A chat completion of a few thousand tokens has some 20 kB; more is no answer but a flood."""


class OpenAICompatibleModel:
    """A remote chat model behind the `ChatModel` port; usable from any event loop."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: SecretStr | None = None,
        dialect: Dialect = "json_schema",
        sha256: str | None = None,
    ) -> None:
        """
        Args:
            base_url: up to and including `/v1`.
            api_key: None where the server asks for none.
            sha256: digest of the weights, where the operator vouches for what the server has loaded.
        """
        from langchain_openai import ChatOpenAI

        self.name = model
        self.sha256 = sha256
        self._dialect: Dialect = dialect
        self._http = httpx.AsyncClient(
            # No connection is kept: a pooled one belongs to the event loop that opened it.
            transport=_CappedTransport(httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))),
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # noqa: S113 - the caller's total deadline rules; a read timeout would not stop a trickle
        )
        self._chat = ChatOpenAI(
            base_url=base_url,
            model=model,
            api_key=api_key or SecretStr("none"),
            http_async_client=self._http,
            max_retries=0,  # one layer retries, and it is not this one
            temperature=0,
            seed=SEED,
            cache=False,
            streaming=False,
            use_responses_api=False,
            openai_proxy="",  # else OPENAI_PROXY from the environment would apply
        )

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: dict[str, Any] | None, deadline_s: float
    ) -> Completion:
        """See `ChatModel.complete`."""
        from langsmith import tracing_context

        # `extra_body` and not langchain's own arguments: those rename `max_tokens` to a field llama_cpp.server ignores
        # and turn a truncated reply into an exception without its text.
        extra: dict[str, Any] = {"max_tokens": max_tokens}
        if schema is not None:
            extra["response_format"] = self._response_format(schema)
        try:
            async with asyncio.timeout(deadline_s):
                with tracing_context(enabled=False):
                    reply = await self._chat.ainvoke([(m.role, m.content) for m in messages], extra_body=extra)
        except TimeoutError as exc:
            raise ModelTimeoutError(f"模型 {self.name!r} 未在 {deadline_s:g} 秒内答复") from exc
        except Exception as exc:
            raise self._translate(exc) from exc
        if not isinstance(reply.content, str):
            raise ModelOutputError(f"模型 {self.name!r} 的答复不是文本", raw=str(reply.content))
        usage = reply.usage_metadata
        return Completion(
            text=reply.content,
            finish_reason=str(reply.response_metadata.get("finish_reason")),
            prompt_tokens=usage["input_tokens"] if usage else 0,
            completion_tokens=usage["output_tokens"] if usage else 0,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    def _response_format(self, schema: dict[str, Any]) -> dict[str, Any]:
        if self._dialect == "json_object":
            return {"type": "json_object", "schema": schema}
        return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}

    def _translate(self, exc: Exception) -> ModelError:
        """One of our errors for anything the client raises, without the body, which may quote the prompt."""
        import openai
        from langchain_core.exceptions import ContextOverflowError

        causes = list(_chain(exc))
        if any(isinstance(cause, _BodyTooLargeError) for cause in causes):
            return ModelOutputError(f"模型 {self.name!r} 的答复超过 {MAX_BODY_BYTES} 字节", raw="")
        if isinstance(exc, ContextOverflowError) or (
            isinstance(exc, openai.APIStatusError) and _CONTEXT_OVERFLOW.search(exc.message)
        ):
            return ModelLimitError(f"提示超过模型 {self.name!r} 的上下文")
        if isinstance(exc, openai.APIConnectionError):
            # The server answered nonsense or hung up half-way; anything else never reached it.
            if any(isinstance(cause, httpx.RemoteProtocolError | httpx.ReadError) for cause in causes):
                return ModelOutputError(f"模型 {self.name!r} 的答复中断或不合协议", raw="")
            return ModelUnavailableError(f"模型 {self.name!r} 的服务无法连接")
        if isinstance(exc, openai.APIStatusError):
            return ModelUnavailableError(f"模型 {self.name!r} 的服务拒绝请求（HTTP {exc.response.status_code}）")
        return ModelOutputError(f"模型 {self.name!r} 的答复不合协议（{type(exc).__name__}）", raw="")


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


class _BodyTooLargeError(httpx.StreamError):
    pass


class _CappedTransport(httpx.AsyncBaseTransport):
    """Stops reading a response body above `MAX_BODY_BYTES`; httpx itself has no limit."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Compressed bodies could grow past the cap after it was checked.
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        response.stream = _CappedStream(stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CappedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise _BodyTooLargeError("response body too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
