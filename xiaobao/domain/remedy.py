"""What must follow a violation: approved text, kept as data, never invented by a model."""

from __future__ import annotations

from typing import Literal

from xiaobao.domain.base import Frozen

OwnerRole = Literal["supervisor", "qa_lead", "complaint_handler", "compliance"]


class Remedy(Frozen):
    """Approved actions and wording of one category."""

    owner: OwnerRole
    remedy: tuple[str, ...]
    right_wording: str


class RemedyBook(Frozen):
    due_hours: dict[str, float]
    """Severity → hours from the judgment to the due time."""
    categories: dict[str, Remedy]
