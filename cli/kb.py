"""`xiaobao kb`: import, list and search the knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

from cli.console import Exit, err, fail, out, plain_errors, print_json
from cli.options import AsJson, DataDir, command_context
from kb.importer import AddedFile
from xiaobao.errors import InputError

app = typer.Typer(help="知识库：导入、列出、检索。", no_args_is_help=True)
Collection = Annotated[str | None, typer.Option("--collection", help="集合名，如 regulations、faq")]


@app.command("add")
def add(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="md、docx、pdf、xlsx、csv、txt、html、jsonl 文件或文件夹")],
    collection: Collection = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """导入文档。已知法规的正文会替换引用中的摘要。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        added = options.services().knowledge.add(paths, collection=collection)
    if options.as_json:
        print_json([asdict(file) for file in added.files])
    else:
        for file in added.files:
            _show_added(file)
    if added.refused and len(added.refused) == len(added.files):
        raise typer.Exit(Exit.UNUSABLE)
    raise typer.Exit(Exit.FAILED_ITEMS if added.refused else Exit.DONE)


@app.command("list")
def list_documents(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """列出集合与导入的文档。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        collections = options.services().knowledge.list()
    if options.as_json:
        print_json([asdict(collection) for collection in collections])
        return
    for collection in collections:
        out.print(f"[bold]{collection.name}[/]：{collection.entries} 条")
        for d in collection.documents:
            span = f"{d.effective or '—'} 至 {d.expiry or '今'}"
            old = " [dim]（已被新版本取代）[/]" if d.superseded else ""
            out.print(f"  {escape(d.title)} 第 {d.version} 版，{d.passages} 段，{span}，{escape(d.source_name)}{old}")


@app.command("search")
def search(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help="要查的话")] = None,
    collection: Collection = None,
    top: Annotated[int, typer.Option("--top", min=1, max=100)] = 5,
    day: Annotated[datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="按这一天有效的条款检索")] = None,
    queries: Annotated[Path | None, typer.Option("--queries", help="批量：JSONL，每行 query_id、query")] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="批量结果（JSONL）")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """检索：关键词与向量混合。"""
    options = command_context(context, data_dir, as_json)
    on: date | None = day.date() if day else None
    if (query is None) is (queries is None):
        fail("请给出要查的话，或用 --queries 批量检索（二选一）", as_json=options.as_json)
    with plain_errors(as_json=options.as_json):
        knowledge = options.services().knowledge
        if queries is not None:
            rows = _read_queries(queries)
            found = knowledge.batch_search([q for _, q in rows], collection=collection, day=on, top_k=top)
            lines = [
                orjson.dumps({"query_id": qid, "hits": [{"id": h.id, "score": h.score} for h in hits]})
                for (qid, _), hits in zip(rows, found, strict=True)
            ]
            if out_file is None:
                typer.echo(b"\n".join(lines).decode())
            else:
                out_file.write_bytes(b"\n".join(lines) + b"\n")
            return
        assert query is not None
        hits = knowledge.search(query, collection=collection, day=on, top_k=top)
    if options.as_json:
        print_json({"query": query, "hits": [asdict(h) for h in hits]})
    elif not hits:
        out.print("资料中没有")
    for h in [] if options.as_json else hits:
        out.print(
            f"[bold]{escape(h.title)}[/] [dim]{escape(h.id)} · {h.score:.3f}[/]\n  {escape(h.text[:160])}",
            soft_wrap=True,
        )


_STATUS_ZH = {"added": "已导入", "updated": "已更新", "unchanged": "无变化"}


def _show_added(file: AddedFile) -> None:
    if file.status == "refused":
        err.print(f"[red]未导入[/] {escape(file.file)}：{escape(file.reason)}", soft_wrap=True)
        return
    official = f"，{file.official_clauses} 条显示官方原文" if file.official_clauses else ""
    where = "、".join(file.collections)
    out.print(
        f"[green]{_STATUS_ZH[file.status]}[/] {escape(file.file)} → {where}，{file.passages} 段{official}",
        soft_wrap=True,
    )
    for warning in file.warnings:
        out.print(f"  [yellow]提醒[/] {escape(warning)}", soft_wrap=True)


def _read_queries(path: Path) -> list[tuple[str, str]]:
    """Rows of the batch file.

    Raises:
        InputError: unreadable, or a line without `query_id` and `query`; names the line.
    """
    rows: list[tuple[str, str]] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise InputError(f"读不了 {path}：{exc.strerror}") from exc
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            rows.append((str(row["query_id"]), str(row["query"])))
        except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
            raise InputError(f"{path} 第 {n} 行：需要 JSON 对象，含 query_id 与 query") from exc
    return rows
