"""Loads the approved remediation texts (`kb/data/remedies.yaml`)."""

from __future__ import annotations

from importlib.resources import files

import yaml

from xiaobao.domain import Severity, taxonomy
from xiaobao.domain.remedy import RemedyBook
from xiaobao.errors import PolicyError


def load_remedies() -> RemedyBook:
    """The shipped remedies.

    Raises:
        PolicyError: a category or severity has none.
    """
    book = RemedyBook.model_validate(yaml.safe_load(files("kb").joinpath("data/remedies.yaml").read_text("utf-8")))
    missing = [slug for slug in taxonomy().categories if slug not in book.categories]
    missing += [severity for severity in Severity if severity not in book.due_hours]
    if missing:
        raise PolicyError(f"整改模板缺少：{'、'.join(missing)}")
    return book
