"""Loads scorecards (`kb/data/scorecards/*.yaml`)."""

from __future__ import annotations

from importlib.resources import files

import yaml
from pydantic import ValidationError

from xiaobao.domain import taxonomy
from xiaobao.errors import PolicyError
from xiaobao.scoring import Scorecard


def load_scorecard(name: str = "service-15") -> Scorecard:
    """The shipped scorecard `name`.

    Raises:
        PolicyError: it does not validate, names an unknown category, or its weights do not sum to 100.
    """
    text = files("kb").joinpath(f"data/scorecards/{name}.yaml").read_text("utf-8")
    try:
        card = Scorecard.model_validate(yaml.safe_load(text))
    except ValidationError as exc:
        raise PolicyError(f"评分卡 {name!r} 无效：{exc.error_count()} 处") from exc
    items = [item for section in card.sections for item in section.items]
    if abs(sum(item.weight for item in items) - 100) > 1e-9:
        raise PolicyError(f"评分卡 {name!r} 权重合计不是 100")
    unknown = {category for item in items for category in item.lost_by} - set(taxonomy().categories)
    if unknown:
        raise PolicyError(f"评分卡 {name!r} 含未知类别：{'、'.join(sorted(unknown))}")
    return card
