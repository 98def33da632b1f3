from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm.real_server import llama_server as start_llama_server
from tests.llm.tiny_gguf import build_tiny_gguf


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, loadable, random-weight GGUF."""
    pytest.importorskip("llama_cpp")
    return build_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def llama_server(tiny_gguf: Path) -> Iterator[str]:
    """Base URL of a real llama_cpp.server with the API key `right`."""
    with start_llama_server(tiny_gguf) as url:
        yield url
