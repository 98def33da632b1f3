"""Among 10,000 lines, 37 bad ones of 12 kinds cost exactly 37 records."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.intake.samples import dumps, error_of, native, read

KINDS: list[Callable[[str], bytes]] = [
    lambda i: dumps(native(i))[:150],
    lambda i: dumps(native(i)) + b"}",
    lambda i: dumps(native(i)).replace("王".encode(), b"\xff\xfe"),
    lambda i: dumps(native(i)).replace("王".encode(), b"\\ud800"),
    lambda i: dumps(native(i)).replace("王".encode(), b"\\u0000"),
    lambda i: dumps({k: v for k, v in native(i).items() if k != "call_id"}),
    lambda i: dumps(native(i, turns=[])),
    lambda i: dumps(native(i, business="保理")),
    lambda i: dumps(native(i, started_at="昨天")),
    lambda i: dumps([native(i)]),
    lambda i: b'{"call_id": "%s", "context": ' % i.encode() + b"[" * 5000,
    lambda i: dumps(native("C-0", turns=[{"speaker": "agent", "text": i}])),
]


def test_every_bad_line_is_named_and_every_good_line_is_taken(tmp_path: Path) -> None:
    rng = random.Random(11)
    bad = dict(zip(rng.sample(range(1, 10_000), 37), [k for _ in range(4) for k in KINDS], strict=False))
    path = tmp_path / "a.jsonl"
    with path.open("wb") as handle:
        for i in range(10_000):
            handle.write((bad[i](f"C-{i}") if i in bad else dumps(native(f"C-{i}"))) + b"\n")
    records = read(path)
    assert len(records) == 10_000
    assert sum(r.transcript is not None for r in records) == 9_963
    refused = [error_of(r) for r in records if r.transcript is None]
    assert [error.line for error in refused] == sorted(i + 1 for i in bad)
    assert all(error.reason and error.file == str(path) for error in refused)
    assert len({error.reason.split("：")[0] for error in refused}) >= 9
