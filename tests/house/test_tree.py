"""Nothing of the machine that built the product, and nothing large, is in the repository."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT, tracked_files, tracked_text

LARGE_BYTES = 2_000_000
LARGE_FILES: frozenset[str] = frozenset()
"""Tracked files that may be larger, each with a reason beside it; none so far."""

REGISTRY = re.compile(
    r"--(?:extra-)?index-url[ =]|--find-links[ =]\S|--trusted-host[ =]|\b(?:extra-)?index-url\s*=|\[\[tool\.uv\.index|"
    r"\b(?:UV_(?:DEFAULT_|EXTRA_)?INDEX(?:_URL)?|PIP_(?:EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST|GOPROXY)\s*=|"
    r"https?://[^\s\"'`<>]*(?:pypi|python[h]osted|/simple\b|npm[j]s|registry|artifactory|nexus|mirror)",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.$~}:/-])/(?:work|home|root|Users|mnt|srv|workspace|builds?)/[\w.-]+")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE[ ]KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bsk-[A-Za-z0-9]{32,}\b"
)


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in tracked_text()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE_PATH, SECRET], ids=["package index", "machine path", "secret"])
def test_no_tracked_file_holds_one(pattern: re.Pattern[str]) -> None:
    assert found(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "sample"),
    [
        (REGISTRY, "--index~-url https:~//index.example/simple/"),
        (REGISTRY, "https:~//mirror.example/pypi/web"),
        (MACHINE_PATH, "-e /~home/someone/xiaobao"),
        (SECRET, "-----BEGIN ~PRIVATE KEY-----"),
    ],
)
def test_the_search_finds_what_it_looks_for(pattern: re.Pattern[str], sample: str) -> None:
    """`~` keeps the samples from being found themselves."""
    assert pattern.search(sample.replace("~", ""))


def test_no_tracked_file_names_the_folder_it_was_built_in() -> None:
    if len(ROOT.parts) < 3:
        pytest.skip("the checkout lies at the root of the file system")
    assert found(re.compile(re.escape(f"{ROOT}/"))) == []


def test_no_tracked_file_is_large() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked_files()}
    assert {name: size for name, size in sizes.items() if size > LARGE_BYTES and name not in LARGE_FILES} == {}


def test_nothing_derived_is_tracked() -> None:
    derived = re.compile(
        r"(^|/)(\.venv|var|__pycache__|node_modules|\.\w+_cache)/|\.(pyc|sqlite3|db|gguf|safetensors|onnx|pt)$"
    )
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    assert [name for name in names if derived.search(name)] == []
