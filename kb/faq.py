"""The shipped questions and answers (`kb/data/faq`): samples in our own words, each supported by clauses."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import yaml
from pydantic import ValidationError

from kb.entries import Entry
from xiaobao.domain.base import Frozen
from xiaobao.errors import PolicyError


class FaqItem(Frozen):
    """One question with its answer."""

    id: str
    question: str
    ask: tuple[str, ...] = ()
    """Other ways to ask it."""
    answer: str
    cites: tuple[str, ...]


class FaqFile(Frozen):
    """One file of `kb/data/faq`."""

    version: Literal[1]
    title: str
    sample: bool
    items: tuple[FaqItem, ...]


def load_faq() -> list[Entry]:
    """Every shipped question as an entry.

    Raises:
        PolicyError: a file is wrong, or two questions share an id.
    """
    entries: dict[str, Entry] = {}
    folder = files("kb") / "data" / "faq"
    for file in sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name):
        try:
            parsed = FaqFile.model_validate(yaml.load(file.read_bytes(), yaml.CSafeLoader))
        except (yaml.YAMLError, ValidationError) as exc:
            raise PolicyError(f"问答文件有误 {file.name}：{exc}") from exc
        for item in parsed.items:
            if item.id in entries:
                raise PolicyError(f"{file.name}：问答编号重复 {item.id!r}")
            entries[item.id] = Entry(
                id=item.id,
                title=item.question,
                text=item.answer,
                extra="\n".join(item.ask),
                cites=item.cites,
                source=parsed.title,
                sample=parsed.sample,
            )
    return list(entries.values())
