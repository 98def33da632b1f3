"""The vector index is derived data: one owner, damage found before it is read, rebuilt to the same answers."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from kb import embedding
from kb.bm25 import KeywordIndex
from kb.clauses import load_clause_book
from kb.embedding import NgramEmbedder
from kb.entries import Entry
from kb.faq import load_faq
from kb.index import ChromaVectors
from kb.index_dir import IndexDirectory, IndexOwnedError
from kb.retriever import Retriever
from kb.service import clause_entries
from kb.vectors import ExactVectors

ENTRIES = clause_entries(load_clause_book())[:150]
QUERIES = [
    *(
        json.loads(line)["query"]
        for line in (Path(__file__).parent / "clause_queries.jsonl").read_text("utf-8").splitlines()
    ),
    *(entry.title for entry in load_faq()),
][:100]
DAY = date(2026, 5, 1)


class Session:
    """One process's view of an index folder."""

    def __init__(self, root: Path, entries: list[Entry] | None = None) -> None:
        self.directory = IndexDirectory.own(root)
        self.vectors = ChromaVectors(self.directory)
        self.retriever = Retriever(lambda _: entries or ENTRIES, self.vectors, self.directory)

    def top(self, queries: list[str] | None = None) -> list[list[str]]:
        found = self.retriever.search_many(queries or QUERIES, collection="regulations", day=DAY, top_k=10)
        return [[hit.id for hit in hits] for hits in found]

    def close(self) -> None:
        self.retriever.close()
        self.directory.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[str]]]:
    """A finished index, closed, and its answers to 100 fixed queries."""
    root = tmp_path_factory.mktemp("kb") / "index"
    session = Session(root)
    answers = session.top()
    session.close()
    return root, answers


@pytest.fixture
def copy(built: tuple[Path, list[list[str]]], tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(built[0], tmp_path / "index")
    yield tmp_path / "index"


def test_an_intact_index_is_reused_time_after_time(copy: Path, built: tuple[Path, list[list[str]]]) -> None:
    for _ in range(3):
        session = Session(copy)
        assert session.top() == built[1]
        assert session.vectors.rebuilt == {}
        session.close()


def _files(root: Path, kind: str) -> list[Path]:
    return sorted(file for folder in root.glob(f"{kind}-*") for file in folder.rglob("*") if file.is_file())


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes() or b"\0")
    raw[len(raw) // 2] ^= 0x10
    path.write_bytes(raw)


DAMAGE = [
    (name, harm)
    for name in ("chroma.sqlite3", "data_level0.bin", "header.bin", "length.bin", "link_lists.bin", "seal.json")
    for harm in (_delete, _truncate, _flip)
    # The link list of a small graph is empty: nothing to cut off.
    if (name, harm) != ("link_lists.bin", _truncate)
]


@pytest.mark.parametrize(("name", "harm"), DAMAGE, ids=[f"{harm.__name__[1:]}-{name}" for name, harm in DAMAGE])
def test_damaged_files_are_found_and_the_answers_stay_the_same(
    name: str, harm: Callable[[Path], None], copy: Path, built: tuple[Path, list[list[str]]]
) -> None:
    harm(next(file for file in _files(copy, "vectors") if file.name.endswith(name)))
    session = Session(copy)
    assert session.top() == built[1]
    assert "regulations" in session.vectors.rebuilt
    session.close()


@pytest.mark.parametrize("what", ["everything", "vectors", "generation"])
def test_deleted_folders_are_rebuilt_to_the_same_answers(
    what: str, copy: Path, built: tuple[Path, list[list[str]]]
) -> None:
    if what == "everything":
        shutil.rmtree(copy)
    for shelf in copy.glob("vectors-*"):
        for folder in [shelf] if what == "vectors" else [item for item in shelf.iterdir() if item.is_dir()]:
            shutil.rmtree(folder)
    session = Session(copy)
    assert session.top() == built[1]
    assert session.vectors.rebuilt == {"regulations": "missing"}
    session.close()


@pytest.mark.parametrize("harm", [_delete, _truncate, _flip], ids=lambda harm: harm.__name__[1:])
def test_a_damaged_keyword_index_is_rebuilt(
    harm: Callable[[Path], None], copy: Path, built: tuple[Path, list[list[str]]]
) -> None:
    harm(next(file for file in _files(copy, "keywords") if file.name.startswith("data.")))
    session = Session(copy)
    assert session.top() == built[1]
    session.close()


def test_another_embedding_model_rebuilds_and_never_mixes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "MODEL_NAME", "another-model/1")
    session = Session(copy)
    session.top(QUERIES[:1])
    assert "regulations" in session.vectors.rebuilt
    (generation,) = [item for shelf in copy.glob("vectors-*") for item in shelf.iterdir() if item.is_dir()]
    _, stored, _ = session.vectors._open["regulations"]
    assert stored.metadata["model"].startswith("another-model/1")
    assert stored.count() == len(ENTRIES)
    assert generation.is_dir()
    session.close()


def test_a_collection_labelled_for_another_model_is_refused_and_rebuilt(copy: Path) -> None:
    """The folder is sealed and readable, but what it says about itself is not what is asked for."""
    keywords = KeywordIndex.build([entry.search_text for entry in ENTRIES])
    embedder = NgramEmbedder(keywords.document_frequency, len(ENTRIES))
    directory = IndexDirectory.own(copy)
    first = ChromaVectors(directory)
    first.open("regulations", ENTRIES, embedder, "a" * 64)
    first._open["regulations"][1].modify(metadata={"model": "somebody else's"})
    first.close()
    directory.seal(directory.place("regulations", "vectors", "a" * 64), "a" * 64)
    second = ChromaVectors(directory)
    second.open("regulations", ENTRIES, embedder, "a" * 64)
    assert "somebody else's" in second.rebuilt["regulations"]
    second.close()
    directory.close()


def test_changed_content_replaces_the_old_generation(copy: Path) -> None:
    changed = [*ENTRIES[1:], Entry(id="new", title="新增条目", text="关于数字人民币钱包的说明")]
    session = Session(copy, changed)
    assert session.top(["数字人民币钱包"])[0][0] == "new"
    assert len([item for shelf in copy.glob("vectors-*") for item in shelf.iterdir() if item.is_dir()]) == 1
    session.close()


def test_the_folder_and_its_lock_are_private(built: tuple[Path, list[list[str]]]) -> None:
    assert stat.S_IMODE(built[0].stat().st_mode) == 0o700
    assert stat.S_IMODE((built[0] / "owner.lock").stat().st_mode) == 0o600


OPENER = """
import sys
from pathlib import Path
from kb.index_dir import IndexDirectory, IndexOwnedError
try:
    IndexDirectory.own(Path(sys.argv[1]))
except IndexOwnedError:
    sys.exit(7)
"""


def test_a_second_process_is_refused_every_time_and_welcome_once_the_first_is_gone(tmp_path: Path) -> None:
    owner = IndexDirectory.own(tmp_path / "index")
    command = [sys.executable, "-c", OPENER, str(tmp_path / "index")]
    for _ in range(10):
        assert subprocess.run(command, check=False).returncode == 7
        with pytest.raises(IndexOwnedError):
            IndexDirectory.own(tmp_path / "index")
    owner.close()
    assert subprocess.run(command, check=False).returncode == 0


def test_chroma_and_exact_search_agree(copy: Path) -> None:
    session = Session(copy)
    exact = Retriever(lambda _: ENTRIES, ExactVectors())
    found = exact.search_many(QUERIES, collection="regulations", day=DAY, top_k=10)
    assert session.top() == [[hit.id for hit in hits] for hits in found]
    session.close()


def test_entries_without_any_feature_and_empty_collections_do_no_harm(tmp_path: Path) -> None:
    session = Session(
        tmp_path / "index", [Entry(id="blank", title="", text="！！！"), Entry(id="a", title="", text="年费标准")]
    )
    assert session.top(["年费", "！？", ""]) == [["a"], [], []]
    session.close()
    directory = IndexDirectory.own(tmp_path / "other")
    retriever = Retriever(lambda _: [], ChromaVectors(directory), directory)
    assert retriever.search("年费", collection="empty") == []
    retriever.close()
    directory.close()
