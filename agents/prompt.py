"""Prompts are Markdown files beside the agents: compliance officers can read them, and judgments record their hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, get_args

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from xiaobao.llm import Message, Role

_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}
_ROLE_MARK = re.compile(r"^<!-- role: (\w+) -->$", re.MULTILINE)
# Markdown for a model, never HTML: escaping would change what was said.
_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Prompt:
    """A prompt file, split into messages before anything is filled in, so that data cannot open a message."""

    name: str
    sha256: str
    """Hex digest of the file as shipped."""
    _parts: tuple[tuple[Role, Template], ...]

    def messages(self, **values: Any) -> tuple[Message, ...]:
        """Fill the prompt in.

        Raises:
            jinja2.UndefinedError: the file names a variable that is not in `values`.
        """
        return tuple(Message(role, template.render(values).strip()) for role, template in self._parts)


def load_prompt(name: str) -> Prompt:
    """Load `agents/prompts/<name>.md`, e.g. `judge.zh`.

    Raises:
        ValueError: the file has no role marks, an unknown role, or text before the first mark.
    """
    raw = files("agents").joinpath("prompts", f"{name}.md").read_bytes()
    before, *pieces = _ROLE_MARK.split(raw.decode("utf-8"))
    parts: list[tuple[Role, Template]] = []
    for mark, body in zip(pieces[::2], pieces[1::2], strict=True):
        role = _ROLES.get(mark)
        if role is None:
            raise ValueError(f"prompt {name!r}: unknown role {mark!r}")
        parts.append((role, _ENVIRONMENT.from_string(body)))
    if before.strip() or not parts:
        raise ValueError(f"prompt {name!r}: every line belongs under a `<!-- role: … -->` mark")
    return Prompt(name=name, sha256=hashlib.sha256(raw).hexdigest(), _parts=tuple(parts))
