"""Intake: any accepted file of conversations → transcripts, each with notes, or a reason with file, line and column."""

from xiaobao.intake.limits import DEFAULT_LIMITS, IntakeLimits
from xiaobao.intake.native import parse_json_bytes
from xiaobao.intake.normalise import parse_transcript
from xiaobao.intake.reader import read_transcripts
from xiaobao.intake.record import DuplicateTracker, IntakeRecord
from xiaobao.intake.text_split import TextCall, TextTurn, preview_text_split

__all__ = [
    "DEFAULT_LIMITS",
    "DuplicateTracker",
    "IntakeLimits",
    "IntakeRecord",
    "TextCall",
    "TextTurn",
    "parse_json_bytes",
    "parse_transcript",
    "preview_text_split",
    "read_transcripts",
]
