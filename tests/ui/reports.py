"""Judged records for the report, made by the real graph over a small pack."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from graphs.batch import BatchItem
from graphs.review_service import ReviewService
from graphs.review_state import Case
from tests.graphs.conftest import CANDIDATE, GUARANTEE, context
from tests.rules.packs import call
from ui.report import Report
from xiaobao.domain import Transcript

SERVICE = ReviewService(context(GUARANTEE, CANDIDATE))
PAYLOADS = (
    "<script>window.pwned=1</script>",
    "</div></section><img src=x onerror=window.pwned=1>",
    '"><svg/onload=window.pwned=1>',
    "{{ 7*7 }}{% raw %}",
    "<a href='javascript:window.pwned=1'>点我</a>",
    "</title><style>body{display:none}</style>",
    "<!--",
)


def judged(
    transcript: Transcript, number: int = 0, *, file: str = "通话.jsonl", notes: tuple[str, ...] = ()
) -> BatchItem:
    ((reviewed,), _) = SERVICE.review_now([Case(transcript, notes, number, file, number + 1)])
    one = reviewed.judged
    return BatchItem(
        item=number,
        file=file,
        line=number + 1,
        state="needs_human" if one.judgment.needs_review else "judged",
        call_id=transcript.call_id,
        document=one.document,
        transcript=one.transcript_json,
        tickets=tuple(ticket.model_dump_json().encode() for ticket in one.tickets),
        notes=notes,
    )


def page(*items: BatchItem) -> str:
    report = Report(title="测试报告")
    for item in items:
        report.add(item)
    return report.render()


def hostile_call(**fields: Any) -> Transcript:
    """A violation with markup in every text that somebody outside can write."""
    said = [f"客户：{payload}" for payload in PAYLOADS]
    return call(
        *said,
        f"客服：放心，稳赚不赔的{PAYLOADS[0]}",
        call_id=f"C-{PAYLOADS[1]}",
        agent={"id": f"A-{PAYLOADS[0]}", "name": PAYLOADS[2], "team": PAYLOADS[4]},
        customer={"id": PAYLOADS[5]},
        **fields,
    )


class Marks(HTMLParser):
    """The text of every `<mark>`, with the finding it leads to and the turn it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        """(id of the turn, `data-f`, text)"""
        self.tags: set[str] = set()
        self._turn = ""
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        if "turn" in (values.get("class") or "").split():
            self._turn = values.get("id") or ""
        if tag == "mark":
            self._inside = True
            self.found.append((self._turn, values.get("data-f") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            turn, finding, text = self.found[-1]
            self.found[-1] = (turn, finding, text + data)
