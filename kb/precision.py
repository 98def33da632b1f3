"""How often a rule was right on labelled calls: the confidence its findings show (`kb/data/measured/rules.json`)."""

from __future__ import annotations

from importlib.resources import files

import orjson


def load_confidence() -> dict[str, float]:
    """Rule id → (right + 1) / (fired + 2), its mean precision under a uniform prior; rules never seen are absent.

    Written by `python -m benchmarks.rule_precision`, which says on what and when it measured.
    """
    path = files("kb").joinpath("data/measured/rules.json")
    measured = orjson.loads(path.read_bytes())["rules"]
    return {rule: round((n["right"] + 1) / (n["fired"] + 2), 3) for rule, n in measured.items()}
