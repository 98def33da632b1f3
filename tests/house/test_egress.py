"""The product reaches for nothing outside this machine."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import attempts, with_rule_cache
from tests.house.probe_run import Probed, run_probed

UNSHARE = ("unshare", "--map-root-user", "--net")
HEAVY = {"chromadb", "llama_cpp", "torch", "transformers", "langchain_openai", "openai", "gradio"}
"""Slow to import, or with a way out of the machine; nothing of it is needed to judge by rules."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, rule_cache: Path) -> Probed:
    data_dir = with_rule_cache(tmp_path_factory.mktemp("demo") / "data", rule_cache)
    return run_probed(["-m", "cli.main", "demo"], data_dir)


def test_demo_makes_no_attempt_to_reach_the_network(demo: Probed) -> None:
    assert demo.returncode == 0, demo.output
    assert demo.network == []


def test_judging_without_a_model_imports_no_search_and_no_model_library(demo: Probed) -> None:
    (modules,) = demo.modules
    assert modules >= {"xiaobao", "graphs", "langgraph"}
    assert modules & HEAVY == set()


def test_demo_comes_to_the_same_end_in_a_network_namespace_without_any_interface(demo: Probed, data_dir: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("the system does not permit network namespaces")
    cut_off = run_probed(["-m", "cli.main", "demo"], data_dir, prefix=UNSHARE)
    assert cut_off.returncode == 0, cut_off.output
    counts = [line for line in demo.output.splitlines() if line.startswith("共 ")]
    assert [line for line in cut_off.output.splitlines() if line.startswith("共 ")] == counts != []


def test_worker_processes_and_search_make_no_attempt_to_reach_the_network(tmp_path: Path, data_dir: Path) -> None:
    script = """
from pathlib import Path
from benchmarks.calls import calls
from graphs.assembly import assemble
from graphs.batch import BatchJudge
from xiaobao.settings import Settings

if __name__ == "__main__":
    services = assemble(Settings())
    source = Path(services.settings.data_dir) / "calls.jsonl"
    source.write_bytes(b"\\n".join(calls(4)))
    run = BatchJudge(services, workers=2)
    assert len(list(run.run([source]))) == 4
    assert services.knowledge.search("理财可以承诺保本吗", collection="regulations")
    services.knowledge.close()
"""
    path = tmp_path / "work.py"
    path.write_text(script, "utf-8")
    done = run_probed([str(path)], data_dir)
    assert done.returncode == 0, done.output
    assert done.network == []
    assert any("chromadb" in modules for modules in done.modules)


def test_the_probe_sees_connections_lookups_and_datagrams(data_dir: Path) -> None:
    """Addresses that RFC 5737 and RFC 6761 keep for documentation; the attempts fail or are dropped."""
    script = """
import socket
for attempt in (
    lambda: socket.getaddrinfo("host.invalid", 443),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 9)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.2", 9)),
    lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
):
    try:
        attempt()
    except OSError:
        pass
"""
    assert [host for _, host in run_probed(["-c", script], data_dir).network] == [
        "host.invalid",
        "192.0.2.1",
        "192.0.2.2",
    ]


def test_the_suite_itself_refuses_to_reach_out() -> None:
    """The hook of tests/conftest.py; what it noted is taken back, or this very test would fail for it."""
    with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 9))
    with pytest.raises(PermissionError, match=r"host\.invalid"):
        socket.getaddrinfo("host.invalid", 443)
    assert [attempt.split()[-1] for attempt in attempts] == ["192.0.2.1", "host.invalid"]
    attempts.clear()
