"""Judging quality on labelled and on real material that lies beside the project (`../shared`, or XIAOBAO_SHARED).

    python -m benchmarks.quality [--calls FILE --labels FILE]

Prints, with n: micro-F1 over (call, category), critical precision and recall, clean calls flagged, evidence overlap,
citations, verbatim quotes; and the flagged share of benign and of fraud conversations. Without the material it says so.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import yaml

from graphs.assembly import Services, assemble
from graphs.batch import BatchJudge
from xiaobao.domain import Finding, Judgment, Outcome, Severity, Transcript, taxonomy
from xiaobao.settings import Settings

SHARED = Path(os.environ.get("XIAOBAO_SHARED", Path(__file__).resolve().parents[2] / "shared"))
BENIGN = {
    "jddc_service_chats": ("data/jddc_service_chats/dialogues.jsonl", "real benign shop chats, target <= 3 %"),
    "teleantifraud normal": ("data/teleantifraud_dialogues/normal.jsonl", "benign calls, target <= 5 %"),
    "teleantifraud fraud": ("data/teleantifraud_dialogues/fraud.jsonl", "fraud calls, no category labels"),
}


@dataclass
class Tally:
    """Counts over (call, category), one labelled set."""

    calls: int = 0
    hit: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    clean: int = 0
    clean_flagged: int = 0
    evidence: int = 0
    evidence_overlaps: int = 0
    undetermined: int = 0
    signals: Counter[str] = field(default_factory=Counter)

    def add(self, judgment: Judgment, label: dict) -> None:
        self.calls += 1
        gold = {v["category"]: set(v.get("turns", ())) for v in label["violations"]}
        either_way = set(label.get("acceptable", ()))
        found: dict[str, set[int]] = defaultdict(set)
        for finding in judgment.findings:
            self.undetermined += finding.outcome is Outcome.UNDETERMINED
            if finding.outcome is Outcome.VIOLATED:
                found[finding.category].update(finding.turns)
        for category in gold.keys() | found.keys():
            if category in gold and category in found:
                self.hit[category] += 1
                if gold[category]:
                    self.evidence += 1
                    self.evidence_overlaps += bool(gold[category] & found[category])
            elif category in gold:
                self.missed[category] += 1
            elif category not in either_way:
                self.false[category] += 1
        if not gold:
            self.clean += 1
            self.clean_flagged += any(category not in either_way for category in found)
        wanted, shown = set(label["signals"]), {signal.signal for signal in judgment.signals}
        self.signals.update(hit=len(wanted & shown), false=len(shown - wanted - either_way), missed=len(wanted - shown))

    def prf(self, categories: Iterable[str]) -> tuple[float, float, float]:
        names = list(categories)
        return prf(*(sum(counter[name] for name in names) for counter in (self.hit, self.false, self.missed)))


def prf(hit: int, false: int, missed: int) -> tuple[float, float, float]:
    """Precision, recall, F1; 0 where undefined."""
    precision = hit / (hit + false) if hit + false else 0.0
    recall = hit / (hit + missed) if hit + missed else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def judged(services: Services, path: Path) -> Iterator[tuple[Transcript, Judgment]]:
    for item in BatchJudge(services, store=False).run([path]):
        if item.document is not None and item.transcript is not None:
            yield Transcript.model_validate_json(item.transcript), Judgment.model_validate_json(item.document)
        else:
            print(f"  not judged: {item.file} line {item.line}: {item.reason}")


class Proofs:
    """Quotes and citations over everything that was judged."""

    def __init__(self, services: Services) -> None:
        self._clauses = services.knowledge.clauses
        path = SHARED / "regulations/citations.yaml"
        cited = yaml.safe_load(path.read_text("utf-8"))["citations"] if path.exists() else {}
        self._right = {category: {row["ref"] for row in rows} for category, rows in cited.items()}
        self.quotes = self.verbatim = self.findings = self.resolve = self.right = 0

    def add(self, transcript: Transcript, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.outcome is not Outcome.VIOLATED:
                continue
            self.findings += 1
            ids = {citation.clause_id for citation in finding.citations}
            self.resolve += bool(ids) and all(clause_id in self._clauses for clause_id in ids)
            self.right += bool(ids & self._right.get(finding.category, set()))
            for quote in finding.quotes:
                self.quotes += 1
                self.verbatim += transcript.turns[quote.turn].text[quote.start : quote.end] == quote.text

    def show(self) -> None:
        print(
            f"proofs over everything above: quotes verbatim {self.verbatim}/{self.quotes}, citations resolve "
            f"{self.resolve}/{self.findings}, citation right for the category {self.right}/{self.findings}"
        )


def labelled(services: Services, name: str, calls: Path, labels: Path, proofs: Proofs) -> None:
    gold = {row["call_id"]: row.get("gold", row) for row in map(orjson.loads, labels.read_bytes().splitlines()) if row}
    tally = Tally()
    for transcript, judgment in judged(services, calls):
        proofs.add(transcript, judgment.findings)
        if transcript.call_id in gold:
            tally.add(judgment, gold[transcript.call_id])
    show(name, tally)


def show(name: str, tally: Tally) -> None:
    categories = taxonomy().categories
    critical = [slug for slug, category in categories.items() if category.severity is Severity.CRITICAL]
    p, r, f = tally.prf(categories)
    cp, cr, cf = tally.prf(critical)
    sp, sr, sf = prf(tally.signals["hit"], tally.signals["false"], tally.signals["missed"])
    print(f"{name}: n={tally.calls} calls")
    print(f"  micro    P {p:.3f} R {r:.3f} F1 {f:.3f}")
    print(f"  critical P {cp:.3f} R {cr:.3f} F1 {cf:.3f}")
    print(
        f"  clean calls flagged {tally.clean_flagged}/{tally.clean}; undetermined findings {tally.undetermined}; "
        f"evidence overlaps {tally.evidence_overlaps}/{tally.evidence}"
    )
    print(f"  signals  P {sp:.3f} R {sr:.3f} F1 {sf:.3f}")
    worst = sorted(categories, key=lambda slug: tally.false[slug] + tally.missed[slug], reverse=True)[:8]
    print(
        "  most errors: " + ", ".join(f"{s} +{tally.false[s]} -{tally.missed[s]} ({tally.hit[s]} right)" for s in worst)
    )


def flagged(services: Services, name: str, path: Path, note: str, proofs: Proofs) -> None:
    n = hits = 0
    by_category: Counter[str] = Counter()
    for transcript, judgment in judged(services, path):
        proofs.add(transcript, judgment.findings)
        found = {finding.category for finding in judgment.findings if finding.outcome is Outcome.VIOLATED}
        n += 1
        hits += bool(found)
        by_category.update(found)
    print(f"{name} ({note}): {hits}/{n} = {100 * hits / n:.1f} % flagged {dict(by_category.most_common(8))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=Path)
    parser.add_argument("--labels", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        services = assemble(Settings(data_dir=Path(folder)))
        proofs = Proofs(services)
        print(f"{len(services.rules.rules)} rules, {services.rules.revision[:19]}, no model")
        if arguments.calls and arguments.labels:
            labelled(services, arguments.calls.name, arguments.calls, arguments.labels, proofs)
            proofs.show()
            return
        if not SHARED.exists():
            print(f"no labelled material at {SHARED}: nothing measured")
            return
        gold = SHARED / "gold"
        calls, labels = Path(folder) / "gold.jsonl", Path(folder) / "labels.jsonl"
        calls.write_bytes(b"".join(path.read_bytes() for path in sorted(gold.glob("*.transcripts.jsonl"))))
        labels.write_bytes(b"".join(path.read_bytes() for path in sorted(gold.glob("*.labels.jsonl"))))
        labelled(services, "gold", calls, labels, proofs)
        for path in sorted((SHARED / "corpus").glob("?.transcripts.jsonl")):
            labels_path = path.with_name(path.name.replace("transcripts", "labels"))
            labelled(services, f"corpus {path.name[0]} (rules were written against it)", path, labels_path, proofs)
        for name, (relative, note) in BENIGN.items():
            flagged(services, name, SHARED / relative, note, proofs)
        proofs.show()


if __name__ == "__main__":
    main()
