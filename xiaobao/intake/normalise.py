"""One record in any accepted spelling → `Transcript`, with a note for every decision taken on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from xiaobao.domain import MAX_TURN_CHARS, MAX_TURNS, Business, Channel, Direction, Transcript, Turn
from xiaobao.errors import IntakeError
from xiaobao.intake import aliases
from xiaobao.intake.aliases import fold
from xiaobao.intake.fields import Fields, context_value, text_or_none
from xiaobao.intake.hygiene import first_fault
from xiaobao.intake.parties import read_agent, read_customer
from xiaobao.intake.speakers import SpeakerMap
from xiaobao.intake.text_split import preview_text_split
from xiaobao.intake.times import parse_moment, resolve_turn_times

_E = TypeVar("_E", Channel, Business, Direction)

MAX_CALL_ID_CHARS = 200


def parse_transcript(
    obj: object,
    *,
    file: str,
    line: int | None = None,
    fallback_call_id: str | None = None,
    turn_lines: Sequence[int] | None = None,
) -> tuple[Transcript, tuple[str, ...]]:
    """Read one call from parsed JSON or from an assembled table or text.

    Args:
        obj: what a JSON parser returned; anything but an object is an error.
        file, line: where it came from, for messages.
        fallback_call_id: used, with a note, when the record has no id (a file that holds one call).
        turn_lines: 1-based line of each turn, when turns have lines of their own.

    Raises:
        IntakeError: the record cannot become a transcript; the reason is Chinese and names the field.
    """
    return _Reader(file, line, turn_lines).read(obj, fallback_call_id)


class _Reader:
    def __init__(self, file: str, line: int | None, turn_lines: Sequence[int] | None) -> None:
        self._file = file
        self._line = line
        self._turn_lines = turn_lines
        self._notes: list[str] = []

    def _reject(self, reason: str, *, turn: int | None = None) -> NoReturn:
        line = self._line
        if turn is not None and self._turn_lines is not None and turn < len(self._turn_lines):
            line = self._turn_lines[turn]
        raise IntakeError(reason, file=self._file, line=line)

    def read(self, obj: object, fallback_call_id: str | None) -> tuple[Transcript, tuple[str, ...]]:
        if not isinstance(obj, Mapping):
            self._reject(f"记录不是 JSON 对象，而是 {type(obj).__name__}")
        if not all(isinstance(key, str) for key in obj):
            self._reject("记录的键不是文字")
        fields = Fields(obj, aliases.CALL_FIELDS)
        raw_turns = self._turn_list(fields)  # counted before anything walks the record
        fault = first_fault(obj)
        if fault:
            self._reject(fault)
        call_id = self._call_id(fields, fallback_call_id)
        channel = self._enum(fields, "channel", aliases.CHANNELS, "渠道", Channel.PHONE)
        business = self._enum(fields, "business", aliases.BUSINESSES, "业务", Business.SERVICE)
        usual = Direction.OUTBOUND if business is Business.COLLECTIONS else Direction.INBOUND
        direction = self._enum(fields, "direction", aliases.DIRECTIONS, "方向", usual)
        explicit, agent_channel = fields.take("speaker_map"), fields.take("agent_channel")
        speakers = SpeakerMap(
            direction=direction if fields.filled("direction") else None,
            explicit=explicit,
            agent_channel=agent_channel,
        )
        if isinstance(raw_turns, str):
            raw_turns = self._split(raw_turns)
        turns, began = self._turns(raw_turns, speakers, chat=channel in (Channel.CHAT, Channel.EMAIL))
        context: dict[str, Any] = {}
        if not speakers.mapped:
            for key, value in (("speaker_map", explicit), ("agent_channel", agent_channel)):
                if value not in (None, "", [], {}):
                    context[key] = value
                    self._notes.append(f"{key} 无法识别，记入 context")
        started_at = self._started_at(fields, context)
        if started_at is None and began is not None:
            started_at = began
            self._notes.append("started_at 取自首轮的绝对时间")
        try:
            agent, customer = read_agent(fields, self._notes), read_customer(fields, self._notes)
        except ValueError as exc:
            self._reject(str(exc))
        context = self._context(fields, context)
        try:
            call = Transcript(
                call_id=call_id,
                channel=channel,
                business=business,
                direction=direction,
                started_at=started_at,
                agent=agent,
                customer=customer,
                context=context,
                turns=turns,
            )
        except ValidationError as exc:
            self._reject(_first_reason(exc))
        return call, tuple(self._notes)

    def _call_id(self, fields: Fields, fallback: str | None) -> str:
        raw = fields.take("call_id")
        call_id = text_or_none(raw)
        if call_id is None and raw not in (None, "") and not (isinstance(raw, str) and not raw.strip()):
            self._reject("call_id 应为文字或整数")
        if call_id is None:
            if fallback is None:
                self._reject("缺少通话编号（call_id）")
            self._notes.append(f"缺少通话编号，取自文件名：{fallback!r}")
            call_id = fallback
        if not call_id.isprintable():
            self._reject("call_id 含换行、控制字符或不可见字符")
        if len(call_id) > MAX_CALL_ID_CHARS:
            self._reject(f"call_id 长 {len(call_id)} 个字符，上限 {MAX_CALL_ID_CHARS}")
        return call_id

    def _enum(self, fields: Fields, name: str, words: Mapping[str, _E], zh: str, default: _E) -> _E:
        """A closed field: absent is the stated default; present but unknown is an error, never a guess."""
        raw = fields.take(name)
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            self._notes.append(f"缺少{zh}（{name}），按 {default.value!r} 处理")
            return default
        value = words.get(fold(raw)) if isinstance(raw, str) else None
        if value is None:
            allowed = "、".join(member.value for member in type(default))
            self._reject(f"{zh}（{name}）{str(raw)[:30]!r} 不认识；可用：{allowed}")
        return value

    def _started_at(self, fields: Fields, context: dict[str, Any]) -> datetime | None:
        raw = fields.take("started_at")
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        try:
            moment, note = parse_moment(raw)
        except ValueError as exc:
            self._reject(f"started_at {str(raw)[:40]!r}：{exc}")
        if not isinstance(moment, datetime):
            context["call_date"] = moment.isoformat()
            self._notes.append("通话时间只有日期没有钟点，started_at 留空，日期记入 context.call_date")
            return None
        if note:
            self._notes.append(note)
        return moment

    def _context(self, fields: Fields, context: dict[str, Any]) -> dict[str, Any]:
        given = fields.take("context")
        if isinstance(given, Mapping):
            context = {**context, **given}
        elif given is not None and given != "":
            context["context"] = given
        moved: list[str] = []
        for name, value in fields.rest().items():
            if value is None or value == "":
                continue
            key = aliases.CONTEXT_FIELDS.get(fold(name), name)
            value = context_value(key, value)
            if key in context and context[key] != value:
                key = f"{name}（外层）"
            context[key] = value
            moved.append(key)
        if moved:
            shown = "、".join(key[:30] for key in moved[:12]) + ("等" if len(moved) > 12 else "")
            self._notes.append(f"其他 {len(moved)} 个字段记入 context：{shown}")
        return context

    def _turn_list(self, fields: Fields) -> Sequence[Any] | str:
        raw = fields.take("turns")
        if raw is None:
            self._reject("缺少对话轮次（turns）")
        if not isinstance(raw, list | tuple | str):
            self._reject("turns 应为列表")
        if not raw:
            self._reject("没有对话轮次（turns 为空）")
        if not isinstance(raw, str) and len(raw) > MAX_TURNS:
            self._reject(f"有 {len(raw):,} 轮，上限 {MAX_TURNS:,} 轮")
        return raw

    def _split(self, text: str) -> Sequence[Any]:
        """Turns of a dialogue that came as one text, `客服：…` a line."""
        calls = preview_text_split(text)
        if len(calls) != 1 or not calls[0].turns:
            self._reject("对话文本无法按说话人切分（应为每行“客服：…”或“客户：…”）")
        if len(calls[0].turns) > MAX_TURNS:
            self._reject(f"有 {len(calls[0].turns):,} 轮，上限 {MAX_TURNS:,} 轮")
        self._notes += [f"对话文本切分为 {len(calls[0].turns)} 轮", *calls[0].notes]
        return [turn.as_fields() for turn in calls[0].turns]

    def _turns(
        self, raw_turns: Sequence[Any], speakers: SpeakerMap, *, chat: bool
    ) -> tuple[tuple[Turn, ...], datetime | None]:
        roles, texts, spans = [], [], []
        dropped: dict[str, None] = {}
        names: dict[str, str] = {}
        empty = 0
        for i, raw in enumerate(raw_turns):
            if not isinstance(raw, Mapping):
                self._reject(f"turns[{i}] 不是对象", turn=i)
            fields = Fields(raw, aliases.TURN_FIELDS)
            text = fields.take("text")
            if text is None:
                if not fields.had("text"):
                    self._reject(f"turns[{i}] 缺少文本（text）", turn=i)
                text, empty = "", empty + 1
            if not isinstance(text, str):
                self._reject(f"turns[{i}] 的文本不是文字，而是 {type(text).__name__}", turn=i)
            if len(text) > MAX_TURN_CHARS:
                self._reject(f"turns[{i}] 有 {len(text):,} 个字符，上限 {MAX_TURN_CHARS:,}", turn=i)
            roles.append(speakers.resolve(fields.take("speaker")))
            texts.append(text)
            spans.append((fields.take("start"), fields.take("end")))
            names |= fields.used
            dropped.update(dict.fromkeys(fields.rest()))
        if not any(text.strip() for text in texts):
            self._reject("所有轮次的文本都是空的")
        given = {name: fold(names[name]) for name in ("start", "end") if name in names}
        times = resolve_turn_times(
            spans,
            [len(text) for text in texts],
            unit="ms" if any(key.endswith(("ms", "millis", "毫秒")) for key in given.values()) else None,
            chat=chat,
            report_seconds=any(key not in ("start", "end") for key in given.values()),
        )
        self._notes += speakers.notes() + times.notes
        if empty:
            self._notes.append(f"{empty} 轮没有文本，按空文本保留")
        if dropped:
            shown = "、".join(repr(key[:30]) for key in list(dropped)[:8]) + ("等" if len(dropped) > 8 else "")
            self._notes.append(f"轮次里的其他字段未采用：{shown}")
        turns = tuple(
            Turn(speaker=role, text=text, start=start, end=end)
            for role, text, (start, end) in zip(roles, texts, times.spans, strict=True)
        )
        return turns, times.began


def _first_reason(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])} 不符合要求（{first['type']}）"
