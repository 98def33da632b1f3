"""The one `xiaobao` command. Each group lives in its own module; this one only puts them together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import audit, demo, judge, kb, rules
from cli.options import CommandContext
from xiaobao import __version__

app = typer.Typer(
    name="xiaobao",
    help="小保：逐通判读客服对话，每条结论都附原话与条款。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold what customers said
)
app.command("demo")(demo.demo)
app.command("judge")(judge.judge)
app.add_typer(kb.app, name="kb")
app.add_typer(rules.app, name="rules")
app.add_typer(audit.app, name="audit")


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="数据目录（缺省 XIAOBAO_DATA_DIR 或 ./var）")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 文档，供程序读取")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="显示版本")] = False,
) -> None:
    """小保：消费者权益保护智能体。"""
    context.obj = CommandContext(data_dir=data_dir, as_json=as_json)


def run() -> None:
    """Entry point of the `xiaobao` script."""
    app()


if __name__ == "__main__":
    run()
