"""What every command shares: the data directory, JSON output, and the services built from them.

`--data-dir` and `--json` may stand before or after the subcommand; people type them in both places.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from graphs.assembly import Services, assemble
from xiaobao.errors import InputError
from xiaobao.settings import Settings

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="数据目录（缺省 XIAOBAO_DATA_DIR 或 ./var）")]
AsJson = Annotated[bool, typer.Option("--json", help="输出一个 JSON 文档，供程序读取")]


@dataclass(frozen=True)
class CommandContext:
    """The options as given before the subcommand."""

    data_dir: Path | None
    as_json: bool

    def merged(self, data_dir: Path | None, as_json: bool) -> CommandContext:
        """With the options given after the subcommand, which win."""
        return CommandContext(data_dir or self.data_dir, as_json or self.as_json)

    def settings(self) -> Settings:
        """Settings from the environment, with the data directory of the command line.

        Raises:
            InputError: an environment variable has an impossible value.
        """
        try:
            return Settings() if self.data_dir is None else Settings(data_dir=self.data_dir)
        except ValidationError as exc:
            first = exc.errors()[0]
            raise InputError(f"设置 XIAOBAO_{'_'.join(map(str, first['loc'])).upper()} 无效：{first['msg']}") from exc

    def services(self) -> Services:
        return assemble(self.settings())


def command_context(context: typer.Context, data_dir: Path | None, as_json: bool) -> CommandContext:
    return context.find_root().obj.merged(data_dir, as_json)
