"""Take the model's control language out of untrusted text, keep every character's origin, and say what was found.

Two moves, in this order: characters nobody can see are dropped; characters that control tokens are made of are replaced
one for one by look-alikes. Replacing keeps offsets simple and cannot join two halves into a new token, which removing
could (`<|im_<|im_end|>end|>`). What was found is a manipulation signal for a person; it never clears a call.
Spec: reliability, section (d) item 2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class DroppedKind(StrEnum):
    CONTROL_TOKEN = "control_token"  # noqa: S105 - no password
    """A piece of a chat template: `<|im_end|>`, `[INST]`, `</s>`, `<think>` …"""
    TEMPLATE_WORD = "template_word"
    """A role heading of a text template: `### Instruction`, `Assistant:` …"""
    ZERO_WIDTH = "zero_width"
    BIDI = "bidi"
    TAG = "tag"
    """U+E0000–E007F, which spells invisible ASCII."""
    CONTROL_CHAR = "control_char"

    @property
    def zh(self) -> str:
        return {
            "control_token": "模型控制符",
            "template_word": "对话模板用语",
            "zero_width": "零宽字符",
            "bidi": "双向控制字符",
            "tag": "标签字符",
            "control_char": "控制字符",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something that was dropped or defused."""

    kind: DroppedKind
    start: int
    """Offset in the original text, in code points."""
    text: str


@dataclass(frozen=True, slots=True)
class Sanitised:
    """Text a prompt may hold."""

    text: str
    dropped: tuple[Dropped, ...]
    offsets: Sequence[int]
    """`offsets[i]` is the index in the original of the character shown as `text[i]`."""

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a half-open, non-empty span of `text` to the original; invisible characters inside it are included."""
        return self.offsets[start], self.offsets[end - 1] + 1


# No look-alike has a Unicode compatibility mapping back to ASCII, so normalising later cannot revive a token.
_LOOK_ALIKE = str.maketrans({"<": "‹", ">": "›", "[": "⟦", "]": "⟧"})
_BREAKS = "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_LOOK_ALIKE.update(str.maketrans(dict.fromkeys(_BREAKS, " ")))

# One group per kind, named as the kind.
_INVISIBLE = re.compile(
    r"(?P<tag>[\U000e0000-\U000e007f])"
    r"|(?P<bidi>[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])"
    r"|(?P<zero_width>[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\U000e0100-\U000e01ef])"
    # Line breaks and tabs are no control characters here: they become spaces.
    r"|(?P<control_char>[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u206a-\u206f\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb"
    r"\ufffe\uffff])"
)
# Families: ChatML, Llama 3, Phi, Command R, DeepSeek (full-width bars), Llama 2/Mistral, Gemma, GLM, InternLM, BERT.
_CONTROL_TOKEN = re.compile(
    r"""
      [<＜]\s*[|｜¦][^<>＜＞\n]{1,60}?[|｜¦]\s*[>＞]
    | [<＜]{1,2}\s*/?\s*(?:s|sys|bos|eos|pad|unk|mask|sep|cls|eot|eod|think|thinking|tool_call|tool_response
        |start_of_turn|end_of_turn|start_of_image|end_of_text|begin_of_text|start_header_id|end_header_id
        |reserved_\d+|unused\d+|0x[0-9a-f]{2}|system|assistant|instruction[s]?)\s*[>＞]{1,2}
    | \[\s*/?\s*(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CONTENT|gMASK|sMASK|MASK|CLS|SEP
        |PAD|UNK|BOS|EOS|IMG|UNUSED_TOKEN_\d+)\s*\]
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TEMPLATE_WORD = re.compile(
    r"#{2,}\s*(?:instruction|response|system|human|assistant|user|input)\b|\b(?:assistant|system|human)\s*[:：]",
    re.IGNORECASE,
)


def neutralise(text: str) -> Sanitised:
    """Make `text` safe to stand in a prompt; line breaks become spaces, so one turn stays one line."""
    dropped: list[Dropped] = []
    offsets: Sequence[int] = range(len(text))
    visible = text
    hidden = list(_INVISIBLE.finditer(text))
    if hidden:
        gone = {m.start() for m in hidden}
        offsets = [i for i in offsets if i not in gone]
        visible = "".join(text[i] for i in offsets)
        dropped += (
            Dropped(DroppedKind(m.lastgroup), m.start(), m.group()) for m in hidden if not _harmless(text, m.start())
        )
    for pattern, kind in (
        (_CONTROL_TOKEN, DroppedKind.CONTROL_TOKEN),
        (_TEMPLATE_WORD, DroppedKind.TEMPLATE_WORD),
    ):
        dropped += (Dropped(kind, offsets[m.start()], m.group()) for m in pattern.finditer(visible))
    dropped.sort(key=lambda found: found.start)
    return Sanitised(visible.translate(_LOOK_ALIKE), tuple(dropped), offsets)


def _harmless(text: str, index: int) -> bool:
    """Whether an invisible character is ordinary where it stands: a byte-order mark, or glue inside an emoji."""
    char = text[index]
    if char == "\ufeff" and index == 0:
        return True
    if char in "\u200d\ufe0e\ufe0f" and index > 0:
        before = text[index - 1]
        return before in "\u200d\ufe0f" or unicodedata.category(before) in {"So", "Sk"} or before in "0123456789#*"
    return False
