"""Loads policy packs: ours, and after them a bank's own directory that adds to or overrides ours by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from xiaobao.domain.rule import PolicyPack, Rule
from xiaobao.errors import PolicyError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader

SECTIONS = ("lexicon", "acts", "guards", "scopes", "rules")


def shipped_directory() -> Path:
    """Where our own packs lie."""
    return Path(str(files("kb").joinpath("data/policies")))


def load_pack(directories: Sequence[Path] = ()) -> PolicyPack:
    """Our pack, with the files of `directories` laid over it in order: the same id or name replaces, a new one adds.

    Raises:
        PolicyError: a file does not parse or a rule does not validate; the message names file and rule.
    """
    return read_pack((shipped_directory(), *directories))


def read_pack(directories: Sequence[Path]) -> PolicyPack:
    """The pack of exactly these directories, each laid over the ones before it.

    Raises:
        PolicyError: as `load_pack`.
    """
    merged: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for directory in directories:
        if not directory.is_dir():
            raise PolicyError(f"规则目录不存在：{directory}")
        for path in sorted(directory.glob("*.yaml")):
            _lay_over(merged, path)
    return PolicyPack(
        lexicon=merged["lexicon"],
        acts=merged["acts"],
        guards=merged["guards"],
        scopes=merged["scopes"],
        rules=tuple(merged["rules"].values()),
    )


def _lay_over(merged: dict[str, dict[str, Any]], path: Path) -> None:
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=_Loader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise PolicyError(f"{path.name}：不是合法的 YAML（{exc}）") from exc
    unknown = set(content) - set(SECTIONS)
    if unknown:
        raise PolicyError(f"{path.name}：未知段落 {'、'.join(sorted(unknown))}")
    for section in SECTIONS[:-1]:
        merged[section].update(content.get(section) or {})
    seen: set[str] = set()
    for raw in content.get("rules") or ():
        rule = _rule(raw, path)
        if rule.id in seen:
            raise PolicyError(f"{path.name}：规则编号重复 {rule.id!r}")
        seen.add(rule.id)
        merged["rules"][rule.id] = rule


def _rule(raw: Any, path: Path) -> Rule:
    try:
        return Rule.model_validate(raw)
    except ValidationError as exc:
        name = raw.get("id") if isinstance(raw, dict) else raw
        raise PolicyError(f"{path.name}：规则 {name!r} 无效\n{_explain(exc)}") from exc


def _explain(exc: ValidationError) -> str:
    lines: Iterable[str] = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()[:8])
    return "\n".join(lines)
