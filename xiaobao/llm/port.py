"""The port every chat model implements, and the values that cross it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt. Text a customer or agent said must have passed `sanitize.neutralise` first."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, unchecked: a schema binds the sampler, never the validity of the reply."""

    text: str
    finish_reason: str
    """`stop`: complete. Anything else (`length`, `content_filter`, …) is an invalid reply."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ChatModel(Protocol):
    """A chat model with one way to fail per cause."""

    @property
    def name(self) -> str:
        """Name for provenance, e.g. the model file's stem."""
        ...

    @property
    def sha256(self) -> str | None:
        """Hex digest of the weights file; None where a remote server owns it."""
        ...

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: dict[str, Any] | None, deadline_s: float
    ) -> Completion:
        """Ask for one completion.

        Args:
            messages: the prompt, oldest first.
            max_tokens: upper bound of generated tokens.
            schema: JSON schema the reply should satisfy; None for free text.
            deadline_s: seconds for everything, waiting in the queue included.

        Raises:
            ModelTimeoutError: no complete reply within `deadline_s`.
            ModelUnavailableError: there is no working model (not reachable, crashed, overloaded, misconfigured).
            ModelLimitError: the prompt does not fit the context; nothing is ever truncated.
            ModelOutputError: the model or its server answered with something that is no completion.
        """
        ...

    async def aclose(self) -> None:
        """Free the model. Calling it twice is harmless."""
        ...
