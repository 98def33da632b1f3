"""`xiaobao demo`: the bundled sample calls, judged end to end, with a report to open."""

from __future__ import annotations

from importlib.resources import as_file, files

import typer

from cli.console import Exit, out, plain_errors, print_json
from cli.judge import Summary
from cli.options import AsJson, DataDir, command_context
from graphs.batch import BatchJudge
from ui.report import Report


def demo(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """判读自带的样例通话（虚构），给出结论、原话、条款、整改工单和报告的位置。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        services = options.services()
        page, summary = Report(title="小保判读报告 · 样例通话（虚构）"), Summary()
        with as_file(files("kb").joinpath("data/samples")) as folder:
            for item in BatchJudge(services).run([folder]):
                summary.add(item)
                page.add(item)
        target = services.settings.data_dir / "demo-report.html"
        page.write(target)
    if options.as_json:
        print_json(summary.as_dict(None, target, None))
    else:
        verifier = (
            f"核验模型：{services.chat.name}"
            if services.chat
            else "没有配置核验模型：结论由规则与数据计算得出，并如此标明"
        )
        out.print(f"[dim]{len(services.rules.rules)} 条规则 · {len(services.knowledge.clauses)} 条条款 · {verifier}[/]")
        summary.show(None, target)
    raise typer.Exit(Exit.FAILED_ITEMS if summary.failures else Exit.DONE)
