"""`xiaobao judge`: files of calls in, judgments out; every record accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from cli.console import OUTCOME_STYLE, SEVERITY_STYLE, Exit, err, fail, out, plain_errors, print_json, progress
from cli.options import AsJson, DataDir, command_context
from graphs.batch import BatchItem, BatchJudge, default_workers
from ui.presentation import ShownCall
from ui.report import Report
from xiaobao.domain import Finding, Judgment, Outcome, Ticket, Transcript, taxonomy

SHOWN_CALLS = 20
"""Calls printed one by one on a terminal; the rest are in the file or the report."""
SHOWN_FAILURES = 20


def judge(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="json、jsonl、csv、xlsx、txt、zip 文件或文件夹", metavar="PATH…")],
    out_file: Annotated[Path | None, typer.Option("--out", help="每行一个判读结果（JSONL）")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="自包含的 HTML 报告")] = None,
    all_outcomes: Annotated[bool, typer.Option("--all-outcomes", help="连同合规、不适用的规则一起输出")] = False,
    no_store: Annotated[bool, typer.Option("--no-store", help="不写数据库")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="进程数（缺省：输入大时用全部核）")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """判读通话：逐条给出结论、原话、条款和整改工单。坏记录列出文件、行号与原因，其余照常判读。"""
    options = command_context(context, data_dir, as_json)
    missing = [path for path in paths if not path.exists()]
    if missing:
        fail("找不到 " + "、".join(str(path) for path in missing), as_json=options.as_json)
    with plain_errors(as_json=options.as_json):
        services = options.services()
        run = BatchJudge(
            services,
            store=not no_store,
            every_outcome=all_outcomes,
            workers=workers or default_workers(paths),
        )
        summary = Summary()
        with ExitStack() as stack:
            sink = stack.enter_context(_open(out_file)) if out_file else None
            page = Report(title="小保判读报告") if report else None
            bar = stack.enter_context(progress(quiet=options.as_json))
            task = bar.add_task("判读", total=None)
            for item in run.run(paths):
                bar.advance(task)
                summary.add(item)
                if sink is not None and item.document is not None:
                    sink.write(item.document + b"\n")
                if page is not None:
                    page.add(item)
        if page is not None and report is not None:
            page.write(report)
    if summary.received == 0:
        fail("没有读到任何记录", as_json=options.as_json)
    if options.as_json:
        print_json(summary.as_dict(out_file, report, run.batch_id))
    else:
        summary.show(out_file, report)
    failed = bool(summary.failures)
    if failed and summary.judged == 0:
        raise typer.Exit(Exit.UNUSABLE)
    raise typer.Exit(Exit.FAILED_ITEMS if failed else Exit.DONE)


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


class Summary:
    """What a run came to; keeps the worst calls for the screen, not all of them."""

    def __init__(self) -> None:
        self.received = self.judged = self.needs_human = self.duplicates = 0
        self.by_category: dict[str, int] = {}
        self.failures: list[BatchItem] = []
        self.notable: list[ShownCall] = []

    def add(self, item: BatchItem) -> None:
        self.received += 1
        if item.state == "rejected":
            self.failures.append(item)
        elif item.state == "duplicate":
            self.duplicates += 1
        if item.document is None:
            return
        self.judged += 1
        self.needs_human += item.state == "needs_human"
        if b'"outcome":"violated"' not in item.document and item.state != "needs_human":
            return
        judgment = Judgment.model_validate_json(item.document)
        for category in {f.category for f in judgment.findings if f.outcome is Outcome.VIOLATED}:
            self.by_category[category] = self.by_category.get(category, 0) + 1
        if len(self.notable) < SHOWN_CALLS and item.transcript is not None:
            transcript = Transcript.model_validate_json(item.transcript)
            tickets = [Ticket.model_validate_json(ticket) for ticket in item.tickets]
            self.notable.append(ShownCall(transcript, judgment, tickets, item.notes))

    def as_dict(self, out_file: Path | None, report: Path | None, batch_id: str | None) -> dict[str, object]:
        return {
            "batch_id": batch_id,
            "received": self.received,
            "judged": self.judged,
            "needs_review": self.needs_human,
            "duplicates": self.duplicates,
            "violated_calls_by_category": self.by_category,
            "failed": [
                {"file": f.file, "line": f.line, "call_id": f.call_id, "reason": f.reason} for f in self.failures
            ],
            "out": str(out_file) if out_file else None,
            "report": str(report) if report else None,
            "judgments_shown": len(self.notable),
            "judgments_note": f"此处最多 {SHOWN_CALLS} 通有问题的通话；全部结果请用 --out",
            "judgments": [orjson.loads(call.judgment.model_dump_json()) for call in self.notable]
            if out_file is None
            else None,
        }

    def show(self, out_file: Path | None, report: Path | None) -> None:
        for call in self.notable:
            show_call(call)
        if self.by_category:
            table = Table("类别", "严重度", "违规通数", title="违规汇总", title_justify="left")
            categories = taxonomy().categories
            for slug, n in sorted(self.by_category.items(), key=lambda kv: (categories[kv[0]].severity.rank, -kv[1])):
                category = categories[slug]
                table.add_row(category.zh, f"[{SEVERITY_STYLE[category.severity]}]{category.severity.zh}[/]", str(n))
            out.print(table)
        for failure in self.failures[:SHOWN_FAILURES]:
            place = failure.file if failure.line is None else f"{failure.file} 第 {failure.line} 行"
            err.print(f"[red]未判读[/] {escape(place)}：{escape(failure.reason)}", soft_wrap=True)
        if len(self.failures) > SHOWN_FAILURES:
            err.print(f"[red]……另有 {len(self.failures) - SHOWN_FAILURES} 条未判读[/]")
        out.print(
            f"共 {self.received} 条：已判读 {self.judged}（其中 {self.needs_human} 通需人工复核），"
            f"未判读 {len(self.failures)}，重复 {self.duplicates}"
        )
        for name, path in (("结果", out_file), ("报告", report)):
            if path is not None:
                out.print(f"{name}：{path}")


def show_call(call: ShownCall) -> None:
    """One call for a person: each finding with its quote, its clause, its checks; then its tickets."""
    judgment = call.judgment
    mark = "[bold red]一票否决[/]" if judgment.score.auto_fail else ""
    review = " [yellow]需人工复核[/]" if judgment.needs_review else ""
    out.print(f"\n[bold]{escape(judgment.call_id)}[/]  得分 {judgment.score.total:g} {mark}{review}")
    for finding, more in _one_a_category(call.shown_findings):
        for line in _finding_lines(finding, call):
            out.print(line, soft_wrap=True)
        if more:
            out.print(
                f"    [dim]同类另有 {len(more)} 条规则认定：{'、'.join(f.rule_id for f in more)}[/]", soft_wrap=True
            )
    for ticket in call.tickets:
        out.print(
            f"  [cyan]工单[/] {escape(ticket.title)}  {ticket.ticket_id}  期限 {ticket.due_at:%Y-%m-%d %H:%M}",
            soft_wrap=True,
        )
        out.print(f"    整改：{'；'.join(ticket.remedy)}", soft_wrap=True)
        out.print(f"    应当说：“{escape(ticket.right_wording)}”", soft_wrap=True)
    if judgment.signals:
        names = taxonomy().signals
        out.print("  客户信号：" + "、".join(names[s.signal].zh for s in judgment.signals))


def _one_a_category(findings: list[Finding]) -> Iterator[tuple[Finding, list[Finding]]]:
    """The finding with the most evidence of each category and outcome, and the others that say the same."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.category, finding.outcome), []).append(finding)
    for group in groups.values():
        lead = max(group, key=lambda f: (len(f.turns), f.confidence))
        yield lead, [f for f in group if f is not lead]


def _finding_lines(finding: Finding, call: ShownCall) -> Iterator[str]:
    zh = taxonomy().categories[finding.category].zh
    yield (
        f"  [{OUTCOME_STYLE[finding.outcome]}]{finding.outcome.zh}[/] {zh} "
        f"[dim]{finding.origin.zh} · {finding.rule_id} · 把握 {finding.confidence:.2f}[/]"
    )
    for quote in finding.quotes[:3]:
        yield f"    第 {quote.turn} 轮：“{escape(call.quote(quote))}”"
    if finding.omission is not None:
        searched = finding.omission.searched
        looked = f"查了第 {searched[0]}–{searched[1] - 1} 轮，未见{finding.omission.searched_for}"
        yield f"    应在{finding.omission.due}；{looked}"
    if finding.steps:
        marks = {"done": "✓", "missing": "✗缺", "out_of_order": "⇄序", "not_required": "–"}
        yield "    " + " → ".join(f"{step.zh}{marks[step.state]}" for step in finding.steps)
    for citation in finding.citations[:2]:
        yield f"    依据：{citation.title}{citation.article} [dim]{citation.clause_id}[/] {escape(citation.text[:60])}…"
    failed = [check for check in finding.checks if not check.passed]
    passed = len(finding.checks) - len(failed)
    yield (
        f"    [dim]校验：通过 {passed} 项"
        + ("；未过：" + "、".join(c.detail or c.name for c in failed) if failed else "")
        + "[/]"
    )
    if finding.undetermined_reason:
        yield f"    [yellow]原因：{escape(call.words(finding.undetermined_reason))}[/]"
