"""Article labels and the splitting of official texts."""

from __future__ import annotations

import pytest

from kb.articles import label_of, number_of, numeral, split_articles


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "一"), (10, "十"), (17, "十七"), (105, "一百零五"), (293, "二百九十三"), (1024, "一千零二十四")],
)
def test_numerals_read_as_they_are_printed(value: int, text: str) -> None:
    assert numeral(value) == text
    assert number_of(text) == value


def test_every_number_up_to_9999_survives_the_round_trip() -> None:
    assert all(number_of(numeral(value)) == value for value in range(1, 10_000))


def test_labels_of_articles_inserted_articles_and_sections() -> None:
    assert label_of("42", "article") == "第四十二条"
    assert label_of("293-1", "article") == "第二百九十三条之一"
    assert label_of("3", "section") == "第三节"


TEXT = """# 某办法
（某令公布）
一、本令说明事项。
## 第一章　总则
第一条　为了示范，制定本办法。
第二条 本办法适用于示例机构。
示例机构的分支机构适用本办法。
## 第二章　规则
**第三条**　不得违反
第二条规定的情形除外。
第三条之一　补充规则。
第九条　本办法自公布之日起施行。""".splitlines()


def test_articles_keep_their_paragraphs_and_chapter() -> None:
    articles = {article.number: article for article in split_articles(TEXT, "article")}
    assert list(articles) == ["1", "2", "3", "3-1", "9"]
    assert articles["2"].text == "本办法适用于示例机构。\n示例机构的分支机构适用本办法。"
    assert articles["3-1"].heading == "第二章　规则"


def test_a_quoted_article_number_in_running_text_starts_no_article() -> None:
    third = next(article for article in split_articles(TEXT, "article") if article.number == "3")
    assert third.text.endswith("第二条规定的情形除外。")
    jump = split_articles(["第一条　甲。", "第八条规定的除外。"], "article")
    assert [article.number for article in jump] == ["1"]


def test_sections_count_up_and_an_annex_does_not_restart_them() -> None:
    lines = ["一、总体要求", "（一）细项。", "二、销售管理", "附件", "一、填表说明"]
    sections = split_articles(lines, "section")
    assert [section.number for section in sections] == ["1", "2"]
    assert sections[1].text == "销售管理\n附件\n一、填表说明"
