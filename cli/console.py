"""How the command talks: Chinese tables for people, one JSON document for programs, stable exit codes.

Results go to standard output; progress and messages go to standard error, so that output can be piped.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from xiaobao.errors import InputError, ModelUnavailableError, PolicyError, XiaobaoError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

OUTCOME_STYLE = {"violated": "bold red", "undetermined": "yellow", "compliant": "green", "not_applicable": "dim"}
SEVERITY_STYLE = {"critical": "bold red", "major": "dark_orange", "minor": "yellow"}


class Exit(IntEnum):
    """0 done, 1 done with failed items, 2 unusable arguments or input."""

    DONE = 0
    FAILED_ITEMS = 1
    UNUSABLE = 2


def print_json(value: Any) -> None:
    """One JSON document on standard output, whatever the terminal."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def fail(message: str, *, as_json: bool = False, code: str = "input_invalid") -> NoReturn:
    """Say what cannot be done, and end with exit code 2."""
    if as_json:
        print_json({"error": {"code": code, "message": message}})
    else:
        err.print(f"[bold red]无法继续：[/]{escape(message)}", soft_wrap=True)
    raise typer.Exit(Exit.UNUSABLE)


@contextmanager
def plain_errors(*, as_json: bool = False) -> Iterator[None]:
    """Turn the product's own errors into a message and an exit code; anything else is a bug and keeps its trace."""
    try:
        yield
    except (InputError, PolicyError, ModelUnavailableError) as exc:
        fail(str(exc), as_json=as_json, code=exc.code)
    except BrokenProcessPool:
        fail("一个工作进程意外退出；已入库的结果保留，请重新运行同一命令继续", as_json=as_json, code="worker_died")
    except OSError as exc:
        fail(f"文件读写失败：{exc.filename or ''} {exc.strerror or exc}", as_json=as_json, code="io_failed")
    except XiaobaoError as exc:
        fail(f"{exc}（{exc.code}）", as_json=as_json, code=exc.code)


def progress(*, quiet: bool) -> Progress:
    """A progress bar on standard error; silent for programs and pipes."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
        transient=True,
    )
