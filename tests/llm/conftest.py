from __future__ import annotations

from pathlib import Path

import pytest

from tests.llm.tiny_gguf import build_tiny_gguf


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, loadable, random-weight GGUF."""
    pytest.importorskip("llama_cpp")
    return build_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")
