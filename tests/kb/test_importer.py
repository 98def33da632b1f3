"""`kb add`: versions, dates, official texts, and what the report says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kb.service import KnowledgeBase

PIPL = (
    "---\nslug: npc-pipl-2021\neffective: 2021-11-01\n---\n# 中华人民共和国个人信息保护法\n"
    + "".join(f"第{n}条　这是测试用的第{n}条正文。\n" for n in ("一", "二", "三"))
    + "第十五条　测试正文：撤回同意。\n"
)


@pytest.fixture
def knowledge(tmp_path: Path):
    base = KnowledgeBase(tmp_path / "data", clock=lambda: date(2026, 5, 1))
    (tmp_path / "data").mkdir()
    yield base
    base.close()


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _fee(folder: Path, text: str, *, name: str = "fee.md", head: str = "") -> Path:
    return _file(folder, name, f"---\ntitle: 年费说明\n{head}---\n# 年费说明\n{text}\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("any.md", PIPL),
        ("any.md", PIPL.replace("slug: npc-pipl-2021\n", "title: 中华人民共和国个人信息保护法\n")),
        ("个人信息保护法.txt", PIPL.split("---\n")[2].replace("# ", "")),
        ("npc-pipl-2021.md", PIPL.split("---\n")[2].replace("# 中华人民共和国个人信息保护法\n", "")),
        ("《中华人民共和国个人信息保护法》.txt", PIPL.split("---\n")[2].split("\n", 1)[1]),
    ],
    ids=["slug", "front-matter-title", "title-line", "file-name-slug", "file-name-title"],
)
def test_a_known_regulation_is_recognised(name: str, text: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (added,) = knowledge.add([_file(tmp_path, name, text)]).files
    assert (added.status, added.official_clauses, added.collections) == ("added", 4, ("regulations",))
    assert knowledge.clauses.cite("npc-pipl-2021#15", date(2026, 5, 1)).text == "测试正文：撤回同意。"


def test_articles_missing_from_the_text_and_another_effective_date_are_pointed_out(
    knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    text = PIPL.replace("2021-11-01", "2030-01-01")
    (added,) = knowledge.add([_file(tmp_path, "a.md", text)]).files
    assert any("未找到" in warning for warning in added.warnings)
    assert any("2030-01-01" in warning and "2021-11-01" in warning for warning in added.warnings)


def test_a_section_regulation_is_split_by_sections(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    text = "# 中国人民银行关于信用卡业务有关事项的通知\n一、甲事项\n甲的内容。\n二、乙事项\n"
    slug = "pbc-2016-111-credit-card"
    knowledge.add([_file(tmp_path, f"{slug}.md", text)])
    assert knowledge.clauses.cite(f"{slug}#1", date(2026, 5, 1)).text == "甲事项\n甲的内容。"


def test_a_collection_of_ones_own_also_gets_the_articles(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (added,) = knowledge.add([_file(tmp_path, "a.md", PIPL)], collection="laws").files
    assert added.collections == ("regulations", "laws")
    hit = knowledge.search("撤回同意", collection="laws")[0]
    assert (hit.id, hit.clause_id) == ("npc-pipl-2021#15", "npc-pipl-2021#15")
    everywhere = [hit.clause_id for hit in knowledge.search("测试正文：撤回同意")]
    assert everywhere.count("npc-pipl-2021#15") == 1


def test_importing_the_same_content_again_changes_nothing(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    path = _fee(tmp_path, "金卡二百元。")
    assert knowledge.add([path]).files[0].status == "added"
    assert knowledge.add([path]).files[0].status == "unchanged"
    (copy,) = knowledge.add([_fee(tmp_path, "金卡二百元。", name="copy.md")]).files
    assert copy.status == "unchanged"
    assert any("完全相同" in warning for warning in copy.warnings)
    assert len(knowledge.list()[-1].documents) == 1


def test_changed_content_is_a_new_version_that_supersedes(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    knowledge.add([_fee(tmp_path, "金卡年费二百元。")])
    (added,) = knowledge.add([_fee(tmp_path, "金卡年费三百元。")]).files
    assert (added.status, added.version) == ("updated", 2)
    assert [hit.text for hit in knowledge.search("金卡年费", collection="documents")] == ["金卡年费三百元。"]
    assert [document.superseded for document in knowledge.list()[-1].documents] == [True, False]


def test_a_version_for_a_later_day_leaves_the_old_one_in_force_until_then(
    knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    knowledge.add([_fee(tmp_path, "金卡年费二百元。")])
    knowledge.add([_fee(tmp_path, "金卡年费三百元。", head="effective: 2026-07-01\nexpiry: 2027-01-01\n")])
    found = {
        day: [hit.text for hit in knowledge.search("金卡年费", collection="documents", day=day)]
        for day in (date(2026, 6, 30), date(2026, 7, 1), date(2027, 1, 1))
    }
    assert list(found.values()) == [["金卡年费二百元。"], ["金卡年费三百元。"], []]


def test_a_different_answer_to_the_same_question_is_flagged(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    knowledge.add(
        [_file(tmp_path, "a.jsonl", '{"id": "1", "title": "挂失收费吗？", "text": "收十元"}')], collection="qa"
    )
    (added,) = knowledge.add(
        [_file(tmp_path, "b.jsonl", '{"id": "2", "title": "挂失收费吗?", "text": "免费"}')], collection="qa"
    ).files
    assert any("挂失收费吗" in warning and "a.jsonl" in warning for warning in added.warnings)


def test_an_id_used_by_two_files_belongs_to_the_newer_import(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    knowledge.add([_file(tmp_path, "a.jsonl", '{"id": "1", "text": "挂失收十元"}')], collection="qa")
    knowledge.add([_file(tmp_path, "b.jsonl", '{"id": "1", "text": "挂失免费"}')], collection="qa")
    assert [(hit.id, hit.text) for hit in knowledge.search("挂失", collection="qa")] == [("1", "挂失免费")]


def test_a_refused_file_is_listed_and_the_others_are_imported(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    _fee(folder, "金卡年费二百元。")
    _file(folder, "deep/hours.txt", "营业时间九点到十七点。")
    _file(folder, "ignored.exe", "x")
    (folder / "empty.md").touch()
    report = knowledge.add([folder, tmp_path / "missing.md"])
    assert {file.file: file.status for file in report.files} == {
        "fee.md": "added",
        "deep/hours.txt": "added",
        "empty.md": "refused",
        "missing.md": "refused",
    }
    assert {file.reason for file in report.refused} == {"文件为空", "文件不存在"}


def test_an_unreadable_date_is_said_and_not_guessed(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (added,) = knowledge.add([_fee(tmp_path, "金卡年费二百元。", head="effective: 明年\n")]).files
    assert any("明年" in warning for warning in added.warnings)
