"""A run over files: every record settled, the same verdicts however many processes, bad input named."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks.calls import calls
from graphs.assembly import Services, assemble
from graphs.batch import BatchJudge, default_workers
from tests.conftest import with_rule_cache
from xiaobao.domain import Judgment
from xiaobao.errors import InputError, ModelUnavailableError
from xiaobao.settings import Settings


@pytest.fixture
def services(data_dir: Path) -> Services:
    return assemble(Settings(data_dir=data_dir))


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def without_time(document: bytes | None) -> dict:
    assert document is not None
    judgment = orjson.loads(document)
    judgment.pop("judged_at")
    judgment.pop("usage")
    return judgment


def test_received_is_judged_plus_needs_human_plus_rejected_plus_duplicate(services: Services, tmp_path: Path) -> None:
    good = list(calls(20))
    changed = orjson.loads(good[3])
    changed["turns"][0]["text"] = "改过的内容"
    lines = [*good, b'{"call_id": "cut', good[0], orjson.dumps(changed), b'{"call_id": "empty", "turns": []}']
    run = BatchJudge(services)
    items = list(run.run([write(tmp_path / "in.jsonl", lines)]))
    assert [item.item for item in items] == list(range(24))
    assert run.counts["judged"] + run.counts["needs_human"] == 20
    assert run.counts["rejected"] == 3
    assert run.counts["duplicate"] == 1
    assert all(item.reason for item in items if item.state in ("rejected", "duplicate"))
    ledger = services.ledger.reconcile(run.batch_id or "")
    assert ledger.balanced
    assert ledger.received == 24


def test_more_processes_give_the_same_judgments_in_the_same_order(tmp_path: Path, rule_cache: Path) -> None:
    source = write(tmp_path / "in.jsonl", list(calls(300)))
    runs = []
    for workers in (1, 2):
        services = assemble(Settings(data_dir=with_rule_cache(tmp_path / f"data-{workers}", rule_cache)))
        runs.append(
            [(i.call_id, without_time(i.document)) for i in BatchJudge(services, workers=workers).run([source])]
        )
        assert services.store.counts().calls == 300
    assert runs[0] == runs[1]


def test_a_stored_call_with_other_content_is_refused_and_the_stored_one_kept(
    services: Services, tmp_path: Path
) -> None:
    (line,) = calls(1)
    list(BatchJudge(services).run([write(tmp_path / "a.jsonl", [line])]))
    changed = orjson.loads(line) | {"business": "wealth"}
    run = BatchJudge(services)
    (item,) = run.run([write(tmp_path / "b.jsonl", [orjson.dumps(changed)])])
    assert item.state == "rejected"
    assert "未覆盖" in item.reason
    stored = services.store.get_transcript("BENCH-000000")
    assert stored is not None
    assert stored.business == orjson.loads(line)["business"]
    assert services.ledger.reconcile(run.batch_id or "").balanced


def test_without_a_store_nothing_is_written(services: Services, tmp_path: Path) -> None:
    items = list(BatchJudge(services, store=False).run([write(tmp_path / "in.jsonl", list(calls(3)))]))
    assert len(items) == 3
    assert not list((tmp_path / "data").glob("*.sqlite3"))


def test_quotes_are_verbatim_and_citations_resolve_over_generated_faults(services: Services, tmp_path: Path) -> None:
    lines = list(calls(60, fault_share=1.0))
    seen = 0
    for line, item in zip(lines, BatchJudge(services).run([write(tmp_path / "in.jsonl", lines)]), strict=True):
        assert item.document is not None
        judgment = Judgment.model_validate_json(item.document)
        turns = orjson.loads(line)["turns"]
        for finding in judgment.findings:
            seen += 1
            assert finding.citations
            assert all(c.clause_id in services.knowledge.clauses for c in finding.citations)
            assert all(turns[q.turn]["text"][q.start : q.end] == q.text for q in finding.quotes)
    assert seen >= 30


def test_small_inputs_stay_in_one_process(tmp_path: Path) -> None:
    assert default_workers([write(tmp_path / "in.jsonl", [b"{}"])]) == 1


def test_impossible_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="XIAOBAO_GGUF_PATH"):
        assemble(Settings(data_dir=tmp_path, chat_backend="gguf"))
    with pytest.raises(InputError, match="XIAOBAO_OPENAI_BASE_URL"):
        assemble(Settings(data_dir=tmp_path, chat_backend="openai"))
    fake = tmp_path / "model.gguf"
    fake.write_bytes(b"not a model at all")
    with pytest.raises(ModelUnavailableError):
        assemble(Settings(data_dir=tmp_path, chat_backend="gguf", gguf_path=fake))
