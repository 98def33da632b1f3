"""`xiaobao audit`: is the chain of what was done unbroken?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from cli.console import Exit, out, plain_errors, print_json
from cli.options import AsJson, DataDir, command_context
from xiaobao.store.verify import verify_chain

app = typer.Typer(help="审计链。", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """审计链。"""


@app.command("verify")
def verify(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """校验审计链：逐行重算哈希，指出第一处不符。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        report = verify_chain(options.services().audit_engine)
    if options.as_json:
        print_json(asdict(report) | {"head": report.head._asdict()})
    elif report.ok:
        out.print(f"[green]审计链完整[/]：{report.rows} 行，链头 {report.head.hash[:16]}…")
    else:
        out.print(f"[bold red]审计链不完整[/]：第一处不符在第 {report.first_bad_seq} 行：{report.reason}")
    raise typer.Exit(Exit.DONE if report.ok else Exit.FAILED_ITEMS)
