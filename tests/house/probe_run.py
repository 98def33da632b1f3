"""Runs Python in a process of its own, under the probe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT

PROBE = Path(__file__).with_name("probe")


@dataclass(frozen=True)
class Probed:
    """What became of the process and of those it started."""

    returncode: int
    output: str
    network: list[list[str]]
    """[audit event, host] of every attempt to reach anything but this machine."""
    modules: list[set[str]]
    """Top-level modules at the end of each process."""


def run_probed(arguments: Sequence[str], data_dir: Path, *, prefix: Sequence[str] = ()) -> Probed:
    """`python ARGUMENTS` on `data_dir`; the probe's own log lies beside it.

    Args:
        prefix: a command to start Python with, e.g. `unshare -rn`.
    """
    log = data_dir.with_suffix(".probe")
    log.touch()
    done = subprocess.run(
        [*prefix, sys.executable, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(PROBE), str(ROOT))),
            "XIAOBAO_PROBE": str(log),
            "XIAOBAO_DATA_DIR": str(data_dir),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return Probed(
        done.returncode,
        done.stdout + done.stderr,
        [r["value"] for r in records if r["kind"] == "network"],
        [set(r["value"]) for r in records if r["kind"] == "modules"],
    )
