"""The command line as a person and as a program meet it: output, files, exit codes."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from benchmarks.calls import calls
from cli.main import app
from xiaobao.domain import Judgment


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XIAOBAO_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str | Path):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return invoke


def jsonl(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_demo_shows_verdict_quote_clause_and_ticket_and_writes_the_report(run, tmp_path: Path) -> None:
    result = run("demo")
    assert result.exit_code == 0, result.output
    for word in ("违规", "第 4 轮", "依据", "工单", "应当说", "报告"):
        assert word in result.output
    page = (tmp_path / "data" / "demo-report.html").read_text("utf-8")
    assert "样例-01" in page
    assert "http://" not in page
    assert "https://" not in page


def test_demo_can_be_repeated(run) -> None:
    assert run("demo").exit_code == 0
    again = run("demo", "--json")
    assert again.exit_code == 0
    assert orjson.loads(again.stdout)["judged"] == 12


def test_judge_writes_one_judgment_a_line_and_a_report(run, tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", list(calls(5)))
    out = tmp_path / "out" / "j.jsonl"
    result = run("judge", source, "--out", out, "--report", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    judgments = [Judgment.model_validate_json(line) for line in out.read_bytes().splitlines()]
    assert [j.call_id for j in judgments] == [f"BENCH-{i:06d}" for i in range(5)]
    assert all(f.outcome in ("violated", "undetermined") for j in judgments for f in j.findings)
    assert (tmp_path / "r.html").stat().st_size > 1000


def test_all_outcomes_adds_what_the_rules_cleared(run, tmp_path: Path) -> None:
    out = tmp_path / "j.jsonl"
    run("judge", jsonl(tmp_path / "in.jsonl", list(calls(1))), "--all-outcomes", "--no-store", "--out", out)
    (judgment,) = [Judgment.model_validate_json(line) for line in out.read_bytes().splitlines()]
    assert {"compliant", "not_applicable"} <= {f.outcome for f in judgment.findings}


def test_bad_records_are_listed_with_file_line_and_reason_and_the_rest_is_judged(run, tmp_path: Path) -> None:
    (good,) = calls(1)
    source = jsonl(tmp_path / "in.jsonl", [b"{broken", good])
    result = run("judge", source, "--json")
    assert result.exit_code == 1
    summary = orjson.loads(result.stdout)
    assert summary["judged"] == 1
    (failure,) = summary["failed"]
    assert failure["line"] == 1
    assert failure["file"].endswith("in.jsonl")
    assert failure["reason"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("truncated.zip", b"PK\x03\x04 and then nothing"),
        ("nonsense.json", b"\xff\xfe\x00"),
        ("picture.png", b"\x89PNG"),
    ],
)
def test_unusable_input_ends_with_exit_code_2_and_a_message(run, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = run("judge", path)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert any("\u4e00" <= char <= "\u9fff" for char in result.output)


def test_a_path_that_does_not_exist_is_named(run) -> None:
    result = run("judge", "no-such-file.jsonl", "--json")
    assert result.exit_code == 2
    assert "no-such-file.jsonl" in orjson.loads(result.stdout)["error"]["message"]


def test_text_csv_and_zip_are_judged_together(run, tmp_path: Path) -> None:
    (line,) = calls(1)
    with zipfile.ZipFile(tmp_path / "calls.zip", "w") as archive:
        archive.writestr("one.json", line)
    (tmp_path / "two.txt").write_text("客服：您好，请问有什么可以帮您？\n客户：查一下账单\n客服：好的，再见\n", "utf-8")
    (tmp_path / "three.csv").write_text("call_id,turn,speaker,text\nC-3,0,客服,您好\nC-3,1,客户,你好\n", "gb18030")
    result = run("judge", tmp_path, "--json")
    assert orjson.loads(result.stdout)["judged"] == 3, result.stdout


def test_a_gguf_that_is_none_is_refused_before_anything_is_judged(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "m.gguf"
    fake.write_bytes(b"GIF89a")
    monkeypatch.setenv("XIAOBAO_CHAT_BACKEND", "gguf")
    monkeypatch.setenv("XIAOBAO_GGUF_PATH", str(fake))
    result = run("judge", jsonl(tmp_path / "in.jsonl", list(calls(1))))
    assert result.exit_code == 2
    assert "m.gguf" in result.output


def test_a_setting_of_the_wrong_kind_is_named(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOBAO_CHAT_DEADLINE_S", "soon")
    result = run("judge", jsonl(tmp_path / "in.jsonl", list(calls(1))))
    assert result.exit_code == 2
    assert "XIAOBAO_CHAT_DEADLINE_S" in result.output


def test_a_model_server_that_is_down_leaves_findings_undetermined(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOBAO_CHAT_BACKEND", "openai")
    monkeypatch.setenv("XIAOBAO_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("XIAOBAO_OPENAI_MODEL", "none")
    out = tmp_path / "j.jsonl"
    result = run("judge", jsonl(tmp_path / "in.jsonl", list(calls(6, fault_share=1.0))), "--no-store", "--out", out)
    assert result.exit_code == 0, result.output
    findings = [f for line in out.read_bytes().splitlines() for f in Judgment.model_validate_json(line).findings]
    assert findings
    assert {f.outcome for f in findings if f.origin != "arithmetic"} == {"undetermined"}


def test_rules_test_says_why_a_rule_hit(run, tmp_path: Path) -> None:
    source = jsonl(tmp_path / "one.jsonl", list(calls(1, fault_share=1.0)))
    result = run("rules", "test", "--call", source, "--json")
    rules = orjson.loads(result.stdout)
    hits = [rule for rule in rules if rule["state"] == "hit"]
    assert hits
    assert all(any(step["state"] for step in rule["conditions"]) for rule in hits)
    clear = [rule for rule in rules if rule["state"] == "clear"]
    assert all(rule["conditions"] for rule in clear)


def test_rules_diff_names_gained_and_lost_hits(run, tmp_path: Path) -> None:
    head = "id: t.x, category: rude_service, title: t, criterion: c"
    rule = f"rules:\n- {{{head}, cites: [], detect: {{say: [WORD]}}, guards: []}}\n"
    for name, word in (("old", "查询"), ("new", "再见")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.yaml").write_text(rule.replace("WORD", word), "utf-8")
    text = tmp_path / "c.txt"
    text.write_text("客服：您好\n客户：嗯\n客服：再见\n", "utf-8")
    result = run("rules", "diff", tmp_path / "old", tmp_path / "new", "--calls", text, "--json")
    diff = orjson.loads(result.stdout)
    assert [category for _, category in diff["gained"]] == ["rude_service"]
    assert diff["lost"] == []


def test_audit_verify_counts_the_chain_and_finds_tampering(run, tmp_path: Path) -> None:
    assert run("judge", jsonl(tmp_path / "in.jsonl", list(calls(3)))).exit_code == 0
    good = run("audit", "verify", "--json")
    assert good.exit_code == 0
    assert orjson.loads(good.stdout)["rows"] >= 6
    with closing(sqlite3.connect(tmp_path / "data" / "xiaobao.sqlite3")) as database, database:
        database.execute("UPDATE judgment SET document = replace(document, 'violated', 'compliant') WHERE revision = 1")
    bad = run("audit", "verify", "--json")
    assert bad.exit_code == 1
    assert orjson.loads(bad.stdout)["first_bad_seq"] is not None


def test_kb_search_finds_the_clause_and_refuses_an_unknown_collection(run) -> None:
    result = run("kb", "search", "理财能不能承诺保本", "--collection", "regulations", "--json")
    assert result.exit_code == 0, result.output
    assert any(hit["clause_id"] == "pbc-2018-106-asset-management#2" for hit in orjson.loads(result.stdout)["hits"])
    assert run("kb", "search", "保本", "--collection", "nowhere").exit_code == 2


def test_kb_batch_search_writes_the_contract_format(run, tmp_path: Path) -> None:
    queries = jsonl(tmp_path / "q.jsonl", [orjson.dumps({"query_id": "q1", "query": "投诉多久答复"})])
    out = tmp_path / "hits.jsonl"
    assert run("kb", "search", "--queries", queries, "--out", out, "--top", "3").exit_code == 0
    (row,) = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert row["query_id"] == "q1"
    assert 1 <= len(row["hits"]) <= 3
    assert set(row["hits"][0]) == {"id", "score"}


def test_markup_in_a_call_is_printed_as_it_was_said(run, tmp_path: Path) -> None:
    """Words that look like terminal markup neither vanish nor style anything."""
    said = "放心，[bold red]百分之百[/]保本保息，稳赚不赔，[link=x]点这里[/link]"
    source = tmp_path / "c.txt"
    source.write_text(f"业务：理财\n客户：会亏吗？\n客服：{said}\n客户：好\n", "utf-8")
    result = run("judge", source, "--no-store")
    assert result.exit_code == 0, result.output
    assert "违规" in result.output
    assert "[bold red]百分之百[/]" in result.output
