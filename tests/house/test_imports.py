"""Packages import what they may, and no dependency is imported before its telemetry is switched off."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from xiaobao.telemetry import SWITCHES

PACKAGES = ("xiaobao", "kb", "agents", "graphs", "evals", "api", "ui", "cli", "benchmarks")
TALKATIVE = {
    "chromadb",
    "gradio",
    "huggingface_hub",
    "langchain_core",
    "langchain_openai",
    "langgraph",
    "langsmith",
    "openai",
    "ragas",
    "transformers",
}
"""Libraries that report usage, trace, download or read a safety switch when they are imported."""
FRAMEWORKS = {*TALKATIVE, "fastapi", "llama_cpp", "torch", "typer", "rich"}

WATCH = """
import importlib, importlib.abc, json, os, sys
import_name, watched, switches = sys.argv[1], set(json.loads(sys.argv[2])), json.loads(sys.argv[3])
early = []

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in watched:
            early.extend((name, key) for key, value in switches.items() if os.environ.get(key) != value)
        return None

sys.meta_path.insert(0, Watch())
importlib.import_module(import_name)
print(json.dumps({"early": early, "loaded": sorted(watched & set(sys.modules))}))
"""


def imported_alone(module: str, watched: set[str]) -> dict[str, list[object]]:
    """Import `module` in a fresh interpreter whose environment asks for all the telemetry there is."""
    against = {key: "1" if value in ("False", "false") else "0" for key, value in SWITCHES.items()}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, module, json.dumps(sorted(watched)), json.dumps(SWITCHES)],
        cwd=ROOT, env={**os.environ, **against}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def modules_with_talkative_imports() -> list[str]:
    found = []
    for path in sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            if any(name.split(".")[0] in TALKATIVE for name in names):
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
                break
    return found


@pytest.mark.parametrize("module", [*modules_with_talkative_imports(), "cli.main"])
def test_every_switch_is_set_before_a_talkative_library_is_imported(module: str) -> None:
    """Whichever module a program imports first, and whatever the environment said before."""
    assert imported_alone(module, TALKATIVE)["early"] == []


def test_importing_the_core_imports_no_framework() -> None:
    assert imported_alone("xiaobao.rules.engine", FRAMEWORKS)["loaded"] == []


@pytest.mark.parametrize("module", ["agents.judge", "agents.remediation"])
def test_importing_an_agent_imports_neither_graph_nor_knowledge_base(module: str) -> None:
    assert imported_alone(module, {*FRAMEWORKS, "kb", "graphs"})["loaded"] == []


def test_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
