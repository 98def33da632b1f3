"""The child process that owns one llama.cpp context: `python -m xiaobao.llm.gguf_worker FD`.

It reads JSON requests from the socket FD and answers each with one JSON object. A reply never repeats the prompt, and
stderr stays closed while customer text is in memory, so nothing a caller said can end up in a log of a crash.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from multiprocessing.connection import Connection
from typing import Any

from xiaobao.llm.chat_template import TemplateError, render_segments

SEED = 20260101
"""Any constant: at temperature 0 it decides nothing, and a sampler that did use it would still repeat."""
_CHAR, _JSON_CHAR = r'[^"\\] |', r'[^"\\\x7F\x00-\x1F] |'
"""llama-cpp-python 0.3.36 lets a string hold raw control characters, which JSON forbids; llama.cpp's own converter has
the second form."""
_OVERSHOOT = 4
"""llama-cpp-python may finish a multi-byte character past `max_tokens` (0.3.36, `multibyte_fix`): at most 3 tokens."""


class RequestError(Exception):
    """One request cannot be served; `kind` is mapped to an error type by the parent."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Worker:
    """A loaded model and its template."""

    def __init__(self, spec: dict[str, Any]) -> None:
        import llama_cpp
        from llama_cpp import llama_cpp as c_api
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter
        from llama_cpp.llama_grammar import json_schema_to_gbnf

        self._log: list[str] = []

        @c_api.llama_log_callback
        def keep_errors(level: int, text: bytes, _user_data: Any) -> None:
            if level >= 4 and len(self._log) < 20:  # GGML_LOG_LEVEL_ERROR
                self._log.append(text.decode("utf-8", "replace").strip())

        self._keep_errors = keep_errors  # llama.cpp holds only a raw pointer
        c_api.llama_log_set(keep_errors, ctypes.c_void_p(0))
        self._c = c_api
        self._to_gbnf = json_schema_to_gbnf
        self._grammar_type = llama_cpp.LlamaGrammar
        try:
            self._llama = llama_cpp.Llama(
                model_path=spec["path"],
                n_ctx=spec["n_ctx"],
                n_threads=spec["n_threads"],
                n_threads_batch=spec["n_threads"],
                n_gpu_layers=spec["n_gpu_layers"],
                seed=SEED,
                verbose=False,
            )
        except Exception as exc:
            raise RequestError("load", "；".join(self._log) or f"{type(exc).__name__}: {exc}") from exc
        template = spec["chat_template"] or self._llama.metadata.get("tokenizer.chat_template")
        if not template:
            raise RequestError("load", "模型文件不含对话模板，请在设置中给出 chat_template")
        model = self._llama._model
        bos, eos = self._llama.token_bos(), self._llama.token_eos()
        self._bos = bos if bos != -1 and model.add_bos_token() else None
        formatter = Jinja2ChatFormatter(
            template=template,
            bos_token=model.token_get_text(bos) if bos != -1 else "",
            eos_token=model.token_get_text(eos) if eos != -1 else "",
        )
        self._render = lambda messages: formatter(messages=messages).prompt

    @property
    def n_ctx(self) -> int:
        return self._llama.n_ctx()

    def tokenize(self, messages: list[tuple[str, str]]) -> list[int]:
        """Token ids of the rendered prompt; a SentencePiece model sees one extra space before each message.

        Raises:
            RequestError: the template failed, or a message still tokenises to a control token.
        """
        try:
            segments = render_segments(messages, self._render)
        except TemplateError as exc:
            raise RequestError("template", str(exc)) from exc
        tokens: list[int] = []
        for segment in segments:
            piece = self._llama.tokenize(segment.text.encode(), add_bos=False, special=segment.trusted)
            # A BPE merge can spell a control token from plain characters even with special tokens off.
            if not segment.trusted and any(self._is_control(token) for token in set(piece)):
                raise RequestError("control_token", "消息中含有模型控制符")
            tokens += piece
        if self._bos is not None and tokens[:1] != [self._bos]:
            tokens.insert(0, self._bos)
        return tokens

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Serve one request.

        Raises:
            RequestError: as in `tokenize`; also when the prompt does not fit or the schema does not compile.
        """
        tokens = self.tokenize([(role, content) for role, content in request["messages"]])
        max_tokens: int = request["max_tokens"]
        if len(tokens) + max_tokens + _OVERSHOOT > self.n_ctx:
            raise RequestError("limit", f"提示 {len(tokens)} 词元 + 回复 {max_tokens} 词元超过上下文 {self.n_ctx} 词元")
        grammar = self._grammar(request["schema"]) if request["schema"] is not None else None
        result: Any = self._llama.create_completion(
            prompt=tokens, max_tokens=max_tokens, temperature=0.0, seed=SEED, grammar=grammar
        )
        choice = result["choices"][0]
        return {
            "text": choice["text"],
            "finish_reason": choice["finish_reason"],
            "prompt_tokens": result["usage"]["prompt_tokens"],
            "completion_tokens": result["usage"]["completion_tokens"],
        }

    def _is_control(self, token: int) -> bool:
        vocab = self._llama._model.vocab
        return bool(self._c.llama_vocab_is_control(vocab, token) or self._c.llama_vocab_is_eog(vocab, token))

    def _grammar(self, schema: dict[str, Any]) -> Any:
        """Compile `schema`, and prove that llama.cpp accepts the grammar: it dereferences a null one later."""
        try:
            gbnf = self._to_gbnf(json.dumps(schema, ensure_ascii=False))
        except Exception as exc:
            raise RequestError("schema", f"JSON Schema 不能编译为语法：{type(exc).__name__}") from exc
        gbnf = gbnf.replace(_CHAR, _JSON_CHAR)
        sampler = self._c.llama_sampler_init_grammar(self._llama._model.vocab, gbnf.encode(), b"root")
        if not sampler:
            raise RequestError("schema", "llama.cpp 不接受由 JSON Schema 生成的语法")
        self._c.llama_sampler_free(sampler)
        return self._grammar_type.from_string(gbnf, verbose=False)


def serve(conn: Connection) -> None:
    """Load as told by the first message, then answer until the parent hangs up."""
    try:
        worker = Worker(json.loads(conn.recv_bytes()))
    except RequestError as exc:
        conn.send_bytes(json.dumps({"error": exc.kind, "detail": exc.detail}).encode())
        return
    except Exception as exc:  # a child that dies without a word cannot be diagnosed
        conn.send_bytes(json.dumps({"error": "load", "detail": f"{type(exc).__name__}: {exc}"}).encode())
        return
    conn.send_bytes(json.dumps({"n_ctx": worker.n_ctx}).encode())
    while True:
        try:
            request = json.loads(conn.recv_bytes())
        except EOFError:
            return
        try:
            reply = worker.complete(request)
        except RequestError as exc:
            reply = {"error": exc.kind, "detail": exc.detail}
        except Exception as exc:  # one bad request must not end the process
            # Only the type: messages of llama-cpp-python quote the prompt.
            reply = {"error": "internal", "detail": type(exc).__name__}
        conn.send_bytes(json.dumps(reply).encode())


def main() -> None:
    """Entry point of the child."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold transcripts
    os.umask(0o077)
    conn = Connection(int(sys.argv[1]))
    try:
        serve(conn)
    except (BrokenPipeError, ConnectionResetError):
        return  # the parent went away; nobody is left to tell


if __name__ == "__main__":
    main()
