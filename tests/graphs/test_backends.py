"""The review graph on real backends: llama-cpp-python in process, and a real llama_cpp.server over loopback.

The model has random weights, so what it says is noise in the right grammar: the perfect adversary for "a model can
neither clear a rule's finding nor claim without proof".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graphs.assembly import build_chat
from graphs.review_service import ReviewService
from graphs.review_state import Case
from tests.graphs.conftest import BAD, CLEAN, GUARANTEE, context
from tests.llm.real_server import llama_server
from tests.llm.tiny_gguf import build_tiny_gguf
from xiaobao.domain import Judgment, Outcome
from xiaobao.llm import ChatModel
from xiaobao.settings import Settings

pytest.importorskip("llama_cpp")


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def server(gguf: Path) -> Iterator[str]:
    with llama_server(gguf, n_ctx=8192) as url:
        yield url


async def judge(chat: ChatModel | None) -> list[Judgment]:
    assert chat is not None
    service = ReviewService(context(GUARANTEE, chat=chat, chat_deadline_s=120))
    try:
        reviewed, _ = await service.review([Case(BAD), Case(CLEAN)])
    finally:
        await chat.aclose()
    return [one.judged.judgment for one in reviewed]


def assert_proven(judgments: list[Judgment]) -> None:
    bad, clean = judgments
    (finding,) = bad.findings
    assert finding.outcome in (Outcome.VIOLATED, Outcome.UNDETERMINED)
    assert any(check.name == "model_answer_valid" for check in finding.checks)
    assert all(BAD.turns[q.turn].text[q.start : q.end] == q.text for q in finding.quotes)
    assert bad.needs_review
    assert clean.findings == ()


async def test_a_gguf_file_in_process_verifies(gguf: Path, tmp_path: Path) -> None:
    chat = build_chat(Settings(data_dir=tmp_path, chat_backend="gguf", gguf_path=gguf))
    assert chat is not None
    assert chat.sha256
    judgments = await judge(chat)
    assert_proven(judgments)
    answered = judgments[0].findings[0].undetermined_reason != "模型不可用"
    assert answered, "the model itself must have run"


async def test_an_openai_compatible_server_verifies(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        chat_backend="openai",
        openai_base_url=server,
        openai_model="tiny",
        openai_api_key="right",  # type: ignore[arg-type]  pydantic wraps it
        openai_dialect="json_object",
    )
    judgments = await judge(build_chat(settings))
    assert_proven(judgments)
    assert judgments[0].findings[0].undetermined_reason != "模型不可用"
