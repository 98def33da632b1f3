"""All settings of the product, from the environment (`XIAOBAO_…`) or the command line; built once, passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen; a worker process gets the same object as its parent."""

    model_config = SettingsConfigDict(env_prefix="XIAOBAO_", frozen=True, extra="ignore")

    data_dir: Path = Path("var")
    """Database, search index, compiled patterns. Created with mode 0700."""
    database_url: str | None = None
    """SQLAlchemy URL; None: SQLite under `data_dir`. PostgreSQL: `postgresql+psycopg://…`."""
    policy_dirs: Annotated[tuple[Path, ...], NoDecode] = ()
    """The bank's own policy packs, laid over ours in this order. In the environment: separated as in `PATH`."""

    chat_backend: Literal["none", "gguf", "openai"] = "none"
    """Who verifies: nobody (the rules' verdicts stand and say so), a local GGUF, or an OpenAI-compatible server."""
    chat_deadline_s: float = Field(default=60, gt=0)
    """Seconds for one verification, queueing included."""
    chat_concurrency: int = Field(default=4, ge=1)
    """Verifications in flight at once; a GGUF worker still answers one at a time."""
    gguf_path: Path | None = None
    gguf_sha256: str | None = None
    """Expected sha256 of the file; another file is refused."""
    gguf_context_tokens: int = Field(default=8192, ge=512)
    gguf_threads: int | None = Field(default=None, ge=1)
    openai_base_url: str | None = None
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None
    openai_dialect: Literal["json_schema", "json_object"] = "json_schema"
    """How the server takes a JSON schema: `json_schema` (vLLM and others) or `json_object` (llama_cpp.server)."""

    @field_validator("policy_dirs", mode="before")
    @classmethod
    def _split_path(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'xiaobao.sqlite3'}"

    @property
    def cache_dir(self) -> Path:
        """Derived data only; may be deleted at any time."""
        return self.data_dir / "cache"
