"""How often each rule is right on labelled calls; writes the confidences that findings show.

    python -m benchmarks.rule_precision [FOLDER …]

A folder holds `*.transcripts.jsonl` beside `*.labels.jsonl`; the default is `evals/datasets/fresh`, written by people
who had not seen the rules. A rule is right on a call when the call has the rule's category and, for a commission, one
of the labelled turns is among the rule's.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import orjson

from kb.policies import load_pack
from xiaobao.domain import Transcript
from xiaobao.rules.engine import RuleSet

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT / "evals/datasets/fresh"
TARGET = ROOT / "kb/data/measured/rules.json"


def main(folders: list[Path]) -> None:
    rules = RuleSet(load_pack())
    fired: Counter[str] = Counter()
    right: Counter[str] = Counter()
    calls = 0
    for folder in folders:
        for path in sorted(folder.glob("*.transcripts.jsonl")):
            labels_path = path.with_name(path.name.replace(".transcripts.", ".labels."))
            labels = {row["call_id"]: row for row in map(orjson.loads, labels_path.read_bytes().splitlines())}
            for line in path.read_bytes().splitlines():
                transcript = Transcript.model_validate_json(line)
                gold = {v["category"]: set(v["turns"]) for v in labels[transcript.call_id]["violations"]}
                calls += 1
                for verdict in rules.judge(transcript)[1]:
                    rule = verdict.rule.spec
                    if rule.category is None or verdict.state != "hit":
                        continue
                    fired[rule.id] += 1
                    turns = {hit.turn for hit in verdict.hits}
                    labelled = gold.get(rule.category)
                    right[rule.id] += labelled is not None and (not labelled or not turns or bool(labelled & turns))
    measured = {rule: {"fired": n, "right": right[rule]} for rule, n in sorted(fired.items())}
    document = {"measured_on": [folder.name for folder in folders], "calls": calls, "rules": measured}
    TARGET.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    print(
        f"n={calls} calls: {len(measured)} of {len(rules.rules)} rules fired, "
        f"{sum(right.values())} of {sum(fired.values())} findings right; written to {TARGET.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or [DEFAULT])
