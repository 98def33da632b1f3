"""All recognisers over one call, overlaps settled, placeholders given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xiaobao.domain import Transcript
from xiaobao.privacy.addresses import find_addresses
from xiaobao.privacy.corpus import Corpus
from xiaobao.privacy.cues import Topic, cues_before
from xiaobao.privacy.dictation import find_dictated
from xiaobao.privacy.digits import Group, runs
from xiaobao.privacy.identifiers import find_accounts, find_identifiers
from xiaobao.privacy.kinds import Candidate, PiiKind, PiiSpan
from xiaobao.privacy.names import find_names, person_in
from xiaobao.privacy.numbers import MIN_PART, find_numbers
from xiaobao.privacy.surnames import COMPOUND

_NAME_FIELDS = frozenset(
    ("name", "customer_name", "full_name", "debtor_name", "callee_name", "caller_name", "姓名", "客户姓名")
)
"""Keys of a vendor's customer fields, and of `context`, whose value is a person's name."""
_STAFF_TITLES = ("经理", "主任", "专员", "顾问", "客服", "助理")


def find_pii(transcript: Transcript) -> tuple[PiiSpan, ...]:
    """Personal data in a call, sorted, never overlapping; offsets count code points of the raw turns."""
    return find_in_texts([turn.text for turn in transcript.turns], known_names(transcript))


def known_names(transcript: Transcript) -> tuple[str, ...]:
    """Names the record itself gives: the agent's, and the customer's where the vendor sends it."""
    fields = [transcript.agent.name]
    for source in (transcript.customer.model_extra or {}, transcript.context):
        fields += [value for key, value in source.items() if key in _NAME_FIELDS and isinstance(value, str)]
    return tuple(dict.fromkeys(name for field in fields if field and (name := person_in(field))))


def find_in_texts(texts: Sequence[str], known: Sequence[str] = ()) -> tuple[PiiSpan, ...]:
    """`find_pii` for bare turns."""
    corpus = Corpus(texts)
    candidates = _settle(corpus, _candidates(corpus, known))
    return _label(corpus, candidates, frozenset(known)) if candidates else ()


def _candidates(corpus: Corpus, known: Sequence[str]) -> Iterator[Candidate]:
    """Proposals, the most certain recogniser first: a later one never displaces an earlier one."""
    digit_runs = list(runs(corpus.text))
    numbers = [*find_dictated(corpus)] if len(digit_runs) > 1 else []
    numbers += find_identifiers(corpus)
    numbers += find_numbers(corpus, digit_runs)
    numbers += find_accounts(corpus.text)
    yield from numbers
    if numbers:
        yield from _repeated_numbers(corpus, digit_runs, numbers)
    yield from find_addresses(corpus)
    yield from find_names(corpus, known)


def _repeated_numbers(
    corpus: Corpus, digit_runs: Iterable[tuple[Group, ...]], numbers: Sequence[Candidate]
) -> Iterator[Candidate]:
    """Pieces of a number found elsewhere in the call, e.g. the agent reading half of it back."""
    kinds = {candidate.value: candidate.kind for candidate in reversed(numbers) if len(candidate.value) >= MIN_PART}
    values = " ".join(kinds) + " "
    for run in digit_runs if kinds else ():
        cues = cues_before(corpus, run[0].start)
        if cues and isinstance(cues[-1], Topic):
            continue  # an order number may hold six digits of a phone number
        for piece in (run, *((group,) for group in run)):
            digits = "".join(group.digits for group in piece)
            if len(digits) >= MIN_PART:
                found = values.find(digits)
                if found >= 0:
                    whole = values[values.rfind(" ", 0, found) + 1 : values.find(" ", found)]
                    yield Candidate(piece[0].start, piece[-1].end, kinds[whole], whole)


def _settle(corpus: Corpus, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Drop what overlaps an earlier proposal or crosses a turn; sort the rest."""
    kept: list[Candidate] = []
    taken: set[int] = set()
    for candidate in candidates:
        positions = range(candidate.start, candidate.end)
        if taken.isdisjoint(positions) and "\n" not in corpus.text[candidate.start : candidate.end]:
            taken.update(positions)
            kept.append(candidate)
    kept.sort(key=lambda candidate: candidate.start)
    return kept


def _label(corpus: Corpus, candidates: Sequence[Candidate], known: frozenset[str]) -> tuple[PiiSpan, ...]:
    """Number the values of each kind in order of appearance."""
    people = _people(candidates, known)
    forged = "〔" in corpus.text
    placeholders: dict[str, str] = {}
    counts: dict[PiiKind, int] = {}
    spans: list[PiiSpan] = []
    for candidate in candidates:
        value = candidate.value
        if candidate.kind is PiiKind.NAME:
            by_title = corpus.text.startswith(_STAFF_TITLES, candidate.end)
            value = people.get((value, by_title), value)
        if value not in placeholders:
            placeholders[value] = _next_placeholder(corpus.text if forged else "", candidate.kind, counts)
        turn = corpus.turn_of(candidate.start)
        offset = corpus.starts[turn]
        start, end = candidate.start - offset, candidate.end - offset
        spans.append(PiiSpan(turn, start, end, candidate.kind, placeholders[value]))
    return tuple(spans)


def _next_placeholder(text: str, kind: PiiKind, counts: dict[PiiKind, int]) -> str:
    """The next free one; a caller who says 〔手机号1〕 himself must not be taken for it."""
    while True:
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"〔{kind.zh}{counts[kind]}〕"
        if placeholder not in text:
            return placeholder


def _people(candidates: Sequence[Candidate], known: frozenset[str]) -> dict[tuple[str, bool], str]:
    """(surname or given name, has a staff title) → full name, where exactly one fits: 王先生 is 王建国.

    The agent's own name answers to staff titles only: 李先生 called by 李静 is somebody else.
    """
    full: dict[tuple[str, bool], set[str]] = {}
    for name in {candidate.value for candidate in candidates if candidate.kind is PiiKind.NAME}:
        surname = name[:2] if name[:2] in COMPOUND else name[:1]
        if len(name) > len(surname) and name[0] not in "小老阿":
            full.setdefault((surname, name in known), set()).add(name)
            full.setdefault((name[len(surname) :], name in known), set()).add(name)
    linked = {key: next(iter(names)) for key, names in full.items() if len(names) == 1}
    return {(part, True): name for (part, _), name in linked.items()} | linked
