"""Throughput of the whole path without a model, and of the rule engine against its limit.

    python -m benchmarks.throughput [--calls 10000] [--workers 2]

Prints calls/s of intake → masking → rules → checks → store over `--workers` processes, peak memory, where the time
goes, and in the same run on one core: the limit (orjson + one Hyperscan pass per turn), the rule engine alone, and a
plain loop of `re` over the same patterns. Ratios hold where the machine's speed drifts; each is a median of rounds.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import hyperscan
import orjson

from benchmarks.calls import calls
from graphs.assembly import assemble
from graphs.batch import BatchJudge
from kb.policies import load_pack
from xiaobao.domain import Transcript
from xiaobao.privacy import mask
from xiaobao.rules.engine import RuleSet
from xiaobao.settings import Settings

ROUNDS = 5
ENGINE_CALLS = 1000
LOOP_CALLS = 60
"""The plain loop is hundreds of times slower; a few calls are enough for its median."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole_path(Path(folder), arguments.calls, arguments.workers)
        engine_alone(Path(folder))
        where_time_goes(Path(folder))


def whole_path(folder: Path, n: int, workers: int) -> None:
    """The day's batch: a JSONL file in, judgments in the database and a JSONL file out."""
    source = folder / "calls.jsonl"
    size = 0
    with source.open("wb") as handle:
        for line in calls(n):
            size += len(line)
            handle.write(line + b"\n")
    services = assemble(Settings(data_dir=folder / "data"))
    run = BatchJudge(services, workers=workers)
    started = time.perf_counter()
    with (folder / "out.jsonl").open("wb") as sink:
        for item in run.run([source]):
            if item.document is not None:
                sink.write(item.document + b"\n")
    seconds = time.perf_counter() - started
    counts = services.ledger.reconcile(run.batch_id or "")
    findings = services.store.counts().findings
    peak = _peak_mib()
    print(
        f"whole path: {n} calls x 20 turns ({size / n:.0f} bytes), {workers} processes, "
        f"{len(services.rules.rules)} rules, {services.rules.pattern_count} patterns"
    )
    print(
        f"  {n / seconds:,.0f} calls/s ({seconds:.1f} s, start of the workers included); "
        f"100,000 calls in {100_000 * seconds / n / 60:.1f} min"
    )
    print(
        f"  peak memory {peak:.0f} MiB (parent and all workers); ledger balanced: {counts.balanced} {dict(run.counts)}"
    )
    print(f"  findings: {', '.join(f'{outcome.value} {number}' for outcome, number in findings.items() if number)}")


def _peak_mib() -> float:
    """Peak resident size of this process and of each child's, summed: RUSAGE_CHILDREN has the largest child only."""
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (mine + 2 * child) / 1024


def engine_alone(folder: Path) -> None:
    """One core, one process: orjson + Hyperscan per turn (the limit), the rule engine, a plain loop of `re`."""
    rules = RuleSet(load_pack(), cache_dir=folder / "cache")
    lines = list(calls(ENGINE_CALLS))
    transcripts = [Transcript.model_validate_json(line) for line in lines]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    filters = ["".join(f"\\x{byte:02x}" for byte in word.encode()).encode() for word in rules.words]
    database.compile(
        expressions=filters,
        ids=list(range(len(filters))),
        elements=len(filters),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(filters),
    )
    loop = [re.compile(p.expression) for p in rules.patterns]

    def limit() -> None:
        for line in lines:
            for turn in orjson.loads(line)["turns"]:
                database.scan(turn["text"].encode(), match_event_handler=_ignore)

    def engine() -> None:
        for transcript in transcripts:
            rules.judge(transcript)

    def plain_loop() -> None:
        for transcript in transcripts[:LOOP_CALLS]:
            for turn in transcript.turns:
                for pattern in loop:
                    pattern.search(turn.text)

    rates = [
        (ENGINE_CALLS / _seconds(limit), ENGINE_CALLS / _seconds(engine), LOOP_CALLS / _seconds(plain_loop))
        for _ in range(ROUNDS)
    ]
    at_limit, ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"one core, {ROUNDS} rounds, medians, n={ENGINE_CALLS} calls, {len(loop)} patterns:")
    print(f"  limit (orjson + one Hyperscan pass per turn) {at_limit:>10,.0f} calls/s")
    print(f"  rule engine alone                            {ours:>10,.0f} calls/s = {ours / at_limit:.2f} of the limit")
    print(
        f"  plain loop of re over the same patterns      {theirs:>10,.0f} calls/s; "
        f"the engine is {ours / theirs:.0f} x as fast"
    )


def _ignore(*_: object) -> None:
    """A match callback that does nothing."""


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def where_time_goes(folder: Path) -> None:
    """Shares of one process's time by stage, from timing each stage on the same calls."""
    lines = list(calls(ENGINE_CALLS, seed=8))
    services = assemble(Settings(data_dir=folder / "stages"))
    source = folder / "stage.jsonl"
    source.write_bytes(b"\n".join(lines))
    stages: list[tuple[str, float]] = []
    transcripts = [Transcript.model_validate_json(line) for line in lines]
    stages.append(("intake (validate)", _seconds(lambda: _each(lines, Transcript.model_validate_json))))
    stages.append(("masking", _seconds(lambda: _each(transcripts, mask))))
    stages.append(("rules", _seconds(lambda: _each(transcripts, services.rules.judge))))
    total = _seconds(lambda: _each(list(BatchJudge(services, store=False).run([source])), id))
    stored = _seconds(lambda: _each(list(BatchJudge(services).run([source])), id))
    stages.append(("checks, score, tickets, graph, JSON", total - sum(seconds for _, seconds in stages)))
    stages.append(("store", stored - total))
    print(f"where the time goes, one process, n={ENGINE_CALLS}: {1e6 * stored / ENGINE_CALLS:.0f} us a call")
    for name, seconds in stages:
        print(f"  {name:38s} {1e6 * seconds / ENGINE_CALLS:>6.0f} us  {100 * seconds / stored:>4.0f} %")


def _each(values: Sequence[object], work: Callable[..., object]) -> None:
    for value in values:
        work(value)


def profile(n: int = 2000) -> None:
    """For developers: `python -c 'from benchmarks.throughput import profile; profile()'`."""
    with tempfile.TemporaryDirectory() as folder:
        services = assemble(Settings(data_dir=Path(folder)))
        source = Path(folder) / "calls.jsonl"
        source.write_bytes(b"\n".join(calls(n)))
        profiler = cProfile.Profile()
        profiler.runcall(lambda: list(BatchJudge(services).run([source])))
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
