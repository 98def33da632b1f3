"""`xiaobao rules`: lint a policy pack, test it with reasons, compare two packs on real calls."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import Exit, err, fail, out, plain_errors, print_json
from cli.options import AsJson, DataDir, command_context
from kb.clauses import load_clause_book
from kb.policies import load_pack, read_pack, shipped_directory
from xiaobao.domain import Transcript
from xiaobao.intake import read_transcripts
from xiaobao.rules.engine import RuleSet
from xiaobao.rules.examples import check_examples
from xiaobao.rules.explain import STATE_ZH, explain
from xiaobao.rules.lint import lint as lint_pack

app = typer.Typer(help="规则：检查、测试、比较。", no_args_is_help=True)


@app.command("lint")
def lint(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """检查规则包：条款、示例、重叠、覆盖，每处给出改法。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        settings = options.settings()
        pack = load_pack(settings.policy_dirs)
        rules = RuleSet(pack, cache_dir=settings.cache_dir)
        found = lint_pack(pack, rules, load_clause_book().get, date.today())
    errors = [f for f in found if f.level == "error"]
    if options.as_json:
        print_json(
            {"rules": len(rules.rules), "patterns": rules.pattern_count, "findings": [f.__dict__ for f in found]}
        )
    else:
        for f in found:
            colour = "red" if f.level == "error" else "yellow"
            out.print(
                f"[{colour}]{f.level}[/] {f.code} {f.rule_id}：{escape(f.message)}\n    改法：{f.fix}", soft_wrap=True
            )
        warnings = len(found) - len(errors)
        out.print(f"{len(rules.rules)} 条规则，{rules.pattern_count} 个模式：{len(errors)} 处错误，{warnings} 处提醒")
    raise typer.Exit(Exit.FAILED_ITEMS if errors else Exit.DONE)


@app.command("test")
def test(
    context: typer.Context,
    call: Annotated[Path | None, typer.Option("--call", help="一通对话：说明每条规则为何命中或未命中")] = None,
    rule_id: Annotated[str | None, typer.Option("--rule", help="只看这条规则（编号或前缀）")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """测试规则：缺省跑每条规则自带的示例；--call 给出一通对话里每个条件的结果。"""
    options = command_context(context, data_dir, as_json)
    with plain_errors(as_json=options.as_json):
        settings = options.settings()
        rules = RuleSet(load_pack(settings.policy_dirs), cache_dir=settings.cache_dir)
    if call is None:
        _examples(rules, options.as_json)
    else:
        _one_call(rules, _read_one(call, options.as_json), rule_id, options.as_json)


def _examples(rules: RuleSet, as_json: bool) -> None:
    failures = list(check_examples(rules))
    total = sum(len(r.spec.examples.fires) + len(r.spec.examples.silent) for r in rules.rules)
    if as_json:
        print_json({"examples": total, "failed": [f.__dict__ for f in failures]})
    else:
        for f in failures:
            out.print(
                f"[red]{f.rule_id}[/] 期望 {f.expected}，得到 {escape(f.got)}：{escape(f.example)}", soft_wrap=True
            )
        out.print(f"{len(rules.rules)} 条规则，{total} 个示例，{len(failures)} 个不符")
    raise typer.Exit(Exit.FAILED_ITEMS if failures else Exit.DONE)


def _read_one(path: Path, as_json: bool) -> Transcript:
    if not path.exists():
        fail(f"找不到 {path}", as_json=as_json)
    record = next(iter(read_transcripts([path])), None)
    if record is None or record.transcript is None:
        fail(str(record.error) if record is not None and record.error else f"{path} 里没有通话", as_json=as_json)
    return record.transcript


def _one_call(rules: RuleSet, transcript: Transcript, rule_id: str | None, as_json: bool) -> None:
    view, verdicts = rules.judge(transcript, every_rule=True)
    shown = [v for v in verdicts if rule_id is None or v.rule.spec.id.startswith(rule_id)]
    if not shown:
        fail(f"没有规则 {rule_id!r}", as_json=as_json)
    if as_json:
        print_json(
            [
                {
                    "rule_id": v.rule.spec.id,
                    "state": v.state,
                    "reason": v.reason,
                    "conditions": [step.__dict__ for step in explain(v.rule, view)],
                }
                for v in shown
            ]
        )
        return
    zh = {
        "hit": "[bold red]命中[/]",
        "clear": "[green]未命中[/]",
        "not_applicable": "[dim]不适用[/]",
        "unknown": "[yellow]无法判定[/]",
    }
    for v in sorted(shown, key=lambda v: v.state != "hit"):
        out.print(f"{zh[v.state]} {v.rule.spec.id} {v.rule.spec.title} [dim]{escape(v.reason)}[/]", soft_wrap=True)
        if v.state == "hit" or rule_id is not None:
            for step in explain(v.rule, view):
                note = f" [dim]{escape(step.note)}[/]" if step.note else ""
                out.print(f"  {'  ' * step.depth}{STATE_ZH[step.state]} {escape(step.label)}{note}", soft_wrap=True)
                for quote in step.quotes:
                    out.print(f"  {'  ' * step.depth}    {escape(quote)}", soft_wrap=True)


@app.command("diff")
def diff(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(help="旧规则包目录（叠在自带规则之上）")],
    new: Annotated[Path, typer.Argument(help="新规则包目录（叠在自带规则之上）")],
    calls: Annotated[list[Path], typer.Option("--calls", help="拿来比较的通话（可多次）")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """比较两个规则包：在同一批通话上新增、消失的命中，按类别汇总。"""
    options = command_context(context, data_dir, as_json)
    missing = [path for path in (old, new, *calls) if not path.exists()]
    if missing:
        fail("找不到 " + "、".join(map(str, missing)), as_json=options.as_json)
    with plain_errors(as_json=options.as_json):
        cache = options.settings().cache_dir
        before, after = (
            RuleSet(read_pack([shipped_directory(), directory]), cache_dir=cache) for directory in (old, new)
        )
    gained: list[tuple[str, str]] = []
    lost: list[tuple[str, str]] = []
    n = 0
    for record in read_transcripts(calls):
        if record.transcript is None:
            err.print(f"[red]跳过[/] {record.error or '重复的通话'}", soft_wrap=True)
            continue
        n += 1
        was, now = _hits(before, record.transcript), _hits(after, record.transcript)
        gained += [(record.transcript.call_id, category) for category in sorted(now - was)]
        lost += [(record.transcript.call_id, category) for category in sorted(was - now)]
    if options.as_json:
        print_json({"calls": n, "old": before.revision, "new": after.revision, "gained": gained, "lost": lost})
        return
    table = Table("类别", "新增", "消失")
    up, down = Counter(c for _, c in gained), Counter(c for _, c in lost)
    for category in sorted({*up, *down}):
        table.add_row(category, str(up[category]), str(down[category]))
    out.print(table)
    out.print(f"{n} 通：新增 {len(gained)} 处，消失 {len(lost)} 处")


def _hits(rules: RuleSet, transcript: Transcript) -> set[str]:
    _, verdicts = rules.judge(transcript)
    return {v.rule.spec.category or v.rule.spec.signal or "" for v in verdicts if v.state == "hit"}
