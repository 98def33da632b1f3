"""What is installed and what the lock files pin stays above the versions in which known faults were fixed."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from importlib.metadata import distributions
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.tree import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
HOUSE: dict[str, Any] = yaml.safe_load((ROOT / "tests/house/floors.yaml").read_text("utf-8"))
FLOORS = {canonicalize_name(name): Version(str(floor)) for name, floor in HOUSE["floors"].items()}
EXCEPTIONS: list[dict[str, Any]] = HOUSE["exceptions"]
LONGEST = timedelta(days=90)
_ENTRY = re.compile(
    r"^(?P<requirement>[A-Za-z0-9][^\\\n]*?)\s*(?:\\\n(?P<hashes>(?:[ \t]+--hash=[^\n]+\n?)*))?$", re.MULTILINE
)


def entries(lock: str) -> list[tuple[Requirement, str]]:
    """(requirement, its hash lines) of every entry of a lock file."""
    return [
        (Requirement(m["requirement"]), m["hashes"] or "") for m in _ENTRY.finditer((ROOT / lock).read_text("utf-8"))
    ]


def pins(lock: str) -> dict[str, set[Version]]:
    """Package → pinned versions; more than one where markers tell platforms apart."""
    found: dict[str, set[Version]] = {}
    for requirement, _ in entries(lock):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", str(requirement)
        found.setdefault(canonicalize_name(requirement.name), set()).add(Version(specifier.version))
    return found


def installed() -> dict[str, Version]:
    return {canonicalize_name(d.metadata["Name"]): Version(d.version) for d in distributions()}


def test_nothing_is_installed_below_its_floor() -> None:
    assert {name: v for name, v in installed().items() if name in FLOORS and v < FLOORS[name]} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_nothing_below_its_floor(lock: str) -> None:
    low = {name: v for name, versions in pins(lock).items() for v in versions if name in FLOORS and v < FLOORS[name]}
    assert low == {}


def test_the_floors_are_about_packages_that_the_locks_pin() -> None:
    """A misspelt name would guard nothing."""
    guarded = set(FLOORS) & set(pins("requirements-dev.lock"))
    assert guarded >= {"chromadb", "diskcache", "jinja2", "langchain-core", "langgraph", "llama-cpp-python", "orjson"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_of_a_lock_is_pinned_with_hashes(lock: str) -> None:
    found = entries(lock)
    assert len(found) > 50
    assert [str(requirement) for requirement, hashes in found if "--hash=sha256:" not in hashes] == []
    assert [str(requirement) for requirement, _ in found if requirement.url] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_requirements_hashes_and_comments_only(lock: str) -> None:
    """No option (an index, a link folder), no address, no path."""
    line = re.compile(
        r"(\s*#.*|[A-Za-z0-9][\w.\-]*(\[[\w,\-]+\])?==\S+( ; [^/\\]+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?|)"
    )
    text = (ROOT / lock).read_text("utf-8")
    assert [found for found in text.splitlines() if not line.fullmatch(found)] == []
    assert "://" not in text


def test_locks_agree_on_what_both_pin() -> None:
    run, dev = (pins(lock) for lock in LOCKS)
    assert {name: (v, dev[name]) for name, v in run.items() if name in dev and dev[name] != v} == {}
    assert set(run) <= set(dev)


def test_installed_versions_are_the_locked_ones() -> None:
    locked = pins("requirements-dev.lock")
    different = {name: v for name, v in installed().items() if name in locked and v not in locked[name]}
    assert different == {}


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda e: e["package"])
def test_exception_is_complete_and_runs_90_days_at_most(exception: dict[str, Any]) -> None:
    assert all(exception[field] for field in ("package", "fault", "reason", "owner"))
    assert timedelta(0) < exception["expires"] - exception["granted"] <= LONGEST


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda e: e["package"])
def test_exception_is_in_the_threat_model(exception: dict[str, Any]) -> None:
    rows = [line for line in (ROOT / "docs/threat-model.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert any(exception["package"] in row and exception["expires"].isoformat() in row for row in rows)


@pytest.mark.skipif(
    "XIAOBAO_GATE" not in os.environ, reason="depends on the day: part of `make check`, not of the tests"
)
def test_no_exception_is_past_its_date() -> None:
    assert [e["package"] for e in EXCEPTIONS if e["expires"] < date.today()] == []
