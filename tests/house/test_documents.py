"""What the documents point at exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.house.tree import ROOT, tracked_text

_PATH = re.compile(r"`((?:tests|docs|xiaobao|kb|agents|graphs|evals|ui|cli|benchmarks)/[\w/.-]*?)(?:::(\w+))?`")
_PAGE = re.compile(r"(?<![\w/.*{<-])docs/[\w/-]+\.md\b")


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def documents() -> list[str]:
    return [*sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")), "README.md"]


@pytest.mark.parametrize("document", documents())
def test_every_file_and_test_that_a_document_names_exists(document: str) -> None:
    gone = []
    for path, function in _PATH.findall((ROOT / document).read_text("utf-8")):
        there = (ROOT / path).exists() and (not function or function in functions(path))
        if not there:
            gone.append(f"{path}::{function}" if function else path)
    assert gone == []


def test_every_page_that_the_code_refers_to_exists() -> None:
    named = {(name, page) for name, text in tracked_text() for page in _PAGE.findall(text)}
    assert sorted((name, page) for name, page in named if not (ROOT / page).is_file()) == []


def test_the_threat_model_names_a_test_in_every_row_of_defence() -> None:
    text = (ROOT / "docs/threat-model.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and line.count("|") == 4 and "---" not in line]
    defences = [row for row in rows if not row.startswith(("| 威胁 |", "| 资产 |"))]
    proven = [row for row in defences if "`tests/" in row]
    assets = [row for row in defences if row not in proven]
    assert len(proven) >= 20
    assert len(assets) == 4  # the table of what is protected
