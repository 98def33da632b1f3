"""`KnowledgeBase`: restart, cheap start, second process, and no word to anybody outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kb.retriever import Hit
from kb.service import KnowledgeBase
from kb.vectors import ExactVectors
from xiaobao.errors import InputError

DAY = date(2026, 5, 1)
LAW = "# 中华人民共和国个人信息保护法\n第十四条　甲。\n第十五条　测试原文：撤回同意的便捷方式。\n第十六条　乙。\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


def _law(tmp_path: Path) -> Path:
    path = tmp_path / "law.md"
    path.write_text(LAW, "utf-8")
    return path


def test_official_text_replaces_the_summary_and_survives_a_restart(data_dir: Path, tmp_path: Path) -> None:
    first = KnowledgeBase(data_dir)
    before = first.clauses.snapshot
    assert first.clauses.cite("npc-pipl-2021#15", DAY).text_origin == "summary"
    first.add([_law(tmp_path)])
    after = first.clauses.snapshot
    assert after != before
    first.close()
    second = KnowledgeBase(data_dir)
    citation = second.clauses.cite("npc-pipl-2021#15", DAY)
    assert (citation.text_origin, citation.text) == ("official", "测试原文：撤回同意的便捷方式。")
    assert second.clauses.snapshot == after
    second.close()


def test_an_import_is_found_at_once_and_by_the_old_keywords_too(data_dir: Path, tmp_path: Path) -> None:
    knowledge = KnowledgeBase(data_dir)
    assert "测试原文" not in knowledge.search("撤回同意", collection="regulations", day=DAY)[0].text
    knowledge.add([_law(tmp_path)])
    assert knowledge.search("测试原文便捷方式", collection="regulations", day=DAY)[0].id == "npc-pipl-2021#15"
    summary = knowledge.clauses.summary("npc-pipl-2021#15")
    assert knowledge.search(summary, collection="regulations", day=DAY)[0].id == "npc-pipl-2021#15"
    knowledge.close()


def test_a_clause_of_2026_is_not_returned_for_an_earlier_call(data_dir: Path) -> None:
    knowledge = KnowledgeBase(data_dir)

    def found(day: date) -> set[str]:
        return {hit.id for hit in knowledge.search("风险测评结果有效期", collection="regulations", day=day, top_k=50)}

    assert "nfra-2025-7-suitability#29" in found(date(2026, 2, 1))
    assert not any(name.startswith("nfra-2025-7-suitability#") for name in found(date(2026, 1, 31)))
    knowledge.close()


def test_without_a_day_the_clock_decides(data_dir: Path) -> None:
    knowledge = KnowledgeBase(data_dir, clock=lambda: date(2026, 1, 31))
    hits = knowledge.search("风险测评结果有效期", collection="regulations", top_k=50)
    assert not any(hit.id.startswith("nfra-2025-7-suitability#") for hit in hits)
    knowledge.close()


def test_a_second_knowledge_base_on_the_same_folder_answers_the_same_from_memory(data_dir: Path) -> None:
    queries = ["催收能打给家人吗", "投诉几天办结", "能不能保本"]

    def key(hits: list[Hit]) -> list[tuple[str, float]]:
        return [(hit.id, hit.score) for hit in hits]

    owner, second = KnowledgeBase(data_dir), KnowledgeBase(data_dir)
    first_answers = [key(hits) for hits in owner.batch_search(queries, day=DAY)]
    assert [key(hits) for hits in second.batch_search(queries, day=DAY)] == first_answers
    assert isinstance(second.retriever._vectors, ExactVectors)
    owner.close()
    second.close()


def test_search_without_a_collection_covers_all_and_keeps_equal_ids_apart(data_dir: Path, tmp_path: Path) -> None:
    knowledge = KnowledgeBase(data_dir)
    for name in ("one", "two"):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({"id": "1", "text": f"数字人民币钱包{name}"}, ensure_ascii=False), "utf-8")
        knowledge.add([path], collection=name)
    hits = knowledge.search("数字人民币钱包", day=DAY)
    assert [hit.id for hit in hits[:2]] == ["1", "1"]
    assert {hit.source for hit in hits[:2]} == {"one.jsonl", "two.jsonl"}
    assert {info.name for info in knowledge.list()} == {"regulations", "faq", "one", "two"}
    knowledge.close()


def test_an_unknown_collection_is_an_error_that_names_the_known_ones(data_dir: Path) -> None:
    with pytest.raises(InputError, match="regulations、faq"):
        KnowledgeBase(data_dir).search("年费", collection="nowhere")


def test_listing_counts_what_can_be_found(data_dir: Path) -> None:
    knowledge = KnowledgeBase(data_dir)
    counts = {info.name: info.entries for info in knowledge.list()}
    assert counts["regulations"] == len(knowledge.clauses)
    assert counts["faq"] >= 40


LEAN = """
import sys
from pathlib import Path
from kb.service import KnowledgeBase
KnowledgeBase(Path(sys.argv[1])).clauses.snapshot
heavy = {"chromadb", "bm25s", "sqlalchemy", "onnxruntime", "opencc"} & set(sys.modules)
sys.exit(",".join(heavy) if heavy else 0)
"""


def test_citing_clauses_loads_no_search_library(data_dir: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LEAN, str(data_dir)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_building_adding_and_searching_open_no_connection_and_download_nothing(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"network use: {args[1:]}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    knowledge = KnowledgeBase(data_dir)
    knowledge.add([_law(tmp_path)])
    assert knowledge.search("撤回同意", day=DAY)
    knowledge.close()
    assert list((tmp_path / "home").rglob("*")) == []


SOCKETS = """
import os, re, sys
from pathlib import Path
from kb.service import KnowledgeBase
knowledge = KnowledgeBase(Path(sys.argv[1]))
knowledge.search("年费")
tables = "".join(Path("/proc/self/net", name).read_text() for name in ("tcp", "tcp6", "udp", "udp6"))
links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
own = [match[1] for link in links if (match := re.fullmatch(r"socket:\\[(\\d+)\\]", link))]
sys.exit(str([number for number in own if f" {number} " in tables]) if any(f" {n} " in tables for n in own) else 0)
"""


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads Linux's socket tables")
def test_the_native_parts_open_no_network_socket_either(data_dir: Path) -> None:
    """Chroma's core is Rust: a patched `socket` module would not see it. (Its runtime holds a local socket pair.)"""
    done = subprocess.run(
        [sys.executable, "-c", SOCKETS, str(data_dir)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://127.0.0.1:9"},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
