"""A self-contained HTML report of a run: summary, and for each call the dialogue, the proofs and the tickets.

One file, no script from elsewhere, no request to anywhere: it can be mailed and archived. Everything that came from a
call is escaped by the template engine; the content policy forbids whatever might slip through.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from graphs.batch import BatchItem
from ui.presentation import ShownCall
from xiaobao.domain import Judgment, Outcome, Ticket, Transcript, taxonomy

MAX_CALLS = 200
"""Calls shown in full; a browser is still quick with this many, and the worst ones are the ones to read."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
_ENVIRONMENT = Environment(
    loader=PackageLoader("ui", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass
class Totals:
    """Figures of the whole run, of the calls not shown as well."""

    received: int = 0
    judged: int = 0
    clean: int = 0
    violated: int = 0
    auto_fail: int = 0
    needs_review: int = 0
    tickets: int = 0
    score_sum: float = 0.0
    by_category: Counter[str] = field(default_factory=Counter)
    by_signal: Counter[str] = field(default_factory=Counter)

    @property
    def mean_score(self) -> float | None:
        return round(self.score_sum / self.judged, 1) if self.judged else None


class Report:
    """Collects a run record by record and writes the page; holds the worst `MAX_CALLS` calls, however long the run."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._totals = Totals()
        self._failures: list[BatchItem] = []
        self._worst: list[tuple[tuple[int, int, int, float], int, BatchItem]] = []

    def add(self, item: BatchItem) -> None:
        """Take one settled record."""
        totals = self._totals
        totals.received += 1
        if item.document is None:
            if item.state == "rejected":
                self._failures.append(item)
            return
        judgment = Judgment.model_validate_json(item.document)
        violated = {f.category for f in judgment.findings if f.outcome is Outcome.VIOLATED}
        totals.judged += 1
        totals.violated += bool(violated)
        totals.clean += not violated and not judgment.needs_review
        totals.auto_fail += judgment.score.auto_fail
        totals.needs_review += judgment.needs_review
        totals.tickets += len(judgment.tickets)
        totals.score_sum += judgment.score.total
        totals.by_category.update(violated)
        totals.by_signal.update({s.signal for s in judgment.signals})
        rank = (judgment.score.auto_fail, len(violated), judgment.needs_review, -judgment.score.total)
        entry = (rank, -item.item, item)
        if len(self._worst) < MAX_CALLS:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)

    def render(self) -> str:
        """The page."""
        worst = sorted(self._worst, key=lambda entry: entry[:2], reverse=True)
        categories = taxonomy().categories
        return _ENVIRONMENT.get_template("report.html").render(
            title=self._title,
            made_at=datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
            totals=self._totals,
            max_calls=MAX_CALLS,
            categories=[
                (categories[slug], n)
                for slug, n in sorted(
                    self._totals.by_category.items(), key=lambda kv: (categories[kv[0]].severity.rank, -kv[1])
                )
            ],
            signals=[(taxonomy().signals[slug].zh, n) for slug, n in self._totals.by_signal.most_common()],
            calls=[_shown(item) for _, _, item in worst],
            failures=self._failures,
            taxonomy=taxonomy(),
            shanghai=SHANGHAI,
        )

    def write(self, path: Path) -> None:
        """Write the page to `path`; its folder is made where missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.render(), "utf-8")


def _shown(item: BatchItem) -> ShownCall:
    assert item.transcript is not None and item.document is not None
    return ShownCall(
        Transcript.model_validate_json(item.transcript),
        Judgment.model_validate_json(item.document),
        [Ticket.model_validate_json(ticket) for ticket in item.tickets],
        item.notes,
    )
