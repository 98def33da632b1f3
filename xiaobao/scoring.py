"""Service quality as a number a person can recompute: items, weights, what does not apply, what fails everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from xiaobao.domain import Business, Channel, Direction, Finding, Outcome, Score, ScoreItem, ScoreSection, Severity
from xiaobao.domain.base import Frozen
from xiaobao.domain.transcript import Transcript


class ItemSpec(Frozen):
    item: str
    zh: str
    weight: float
    lost_by: tuple[str, ...]
    """Categories a violation of which loses the item's points."""
    business: tuple[Business, ...] = ()
    channel: tuple[Channel, ...] = ()
    direction: tuple[Direction, ...] = ()
    """Empty: the item applies everywhere."""


class SectionSpec(Frozen):
    section: str
    zh: str
    items: tuple[ItemSpec, ...]


class Scorecard(Frozen):
    """Weights of all items sum to 100; items that do not apply leave the denominator."""

    name: str
    revision: int
    sections: tuple[SectionSpec, ...]

    def score(self, transcript: Transcript, findings: Sequence[Finding]) -> Score:
        """The score of one call. An undetermined item counts neither way and leaves the denominator as well."""
        by_category: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            if finding.outcome in (Outcome.VIOLATED, Outcome.UNDETERMINED):
                by_category[finding.category].append(finding)
        sections = tuple(self._section(spec, transcript, by_category) for spec in self.sections)
        possible = sum(section.possible for section in sections)
        earned = sum(section.earned for section in sections)
        return Score(
            total=round(100 * earned / possible, 1) if possible else 100.0,
            sections=sections if by_category else (),
            auto_fail=any(f.outcome is Outcome.VIOLATED and f.severity is Severity.CRITICAL for f in findings),
            scorecard=f"{self.name}@{self.revision}",
        )

    @staticmethod
    def _section(spec: SectionSpec, transcript: Transcript, found: dict[str, list[Finding]]) -> ScoreSection:
        items = tuple(_item(item, transcript, found) for item in spec.items)
        counted = [item for item in items if item.state in ("earned", "lost")]
        return ScoreSection(
            section=spec.section,
            zh=spec.zh,
            earned=sum(item.points for item in counted),
            possible=sum(item.max_points for item in counted),
            items=items,
        )


def _item(spec: ItemSpec, transcript: Transcript, found: dict[str, list[Finding]]) -> ScoreItem:
    proofs = [finding for category in spec.lost_by for finding in found.get(category, ())]
    in_scope = (
        (not spec.business or transcript.business in spec.business)
        and (not spec.channel or transcript.channel in spec.channel)
        and (not spec.direction or transcript.direction in spec.direction)
    )
    if any(finding.outcome is Outcome.VIOLATED for finding in proofs):
        state, points = "lost", 0.0
    elif proofs:
        state, points = "undetermined", 0.0
    elif in_scope:
        state, points = "earned", spec.weight
    else:
        state, points = "not_applicable", 0.0
    return ScoreItem(
        item=spec.item,
        zh=spec.zh,
        state=state,
        points=points,
        max_points=spec.weight,
        finding_ids=tuple(finding.finding_id for finding in proofs),
    )
