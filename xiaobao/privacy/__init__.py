"""Personal data in calls, written and spoken: found, masked for models and logs, partly hidden for people."""

from __future__ import annotations

from xiaobao.privacy.display import display, display_segments, partly_hidden
from xiaobao.privacy.finder import find_pii
from xiaobao.privacy.kinds import PiiKind, PiiSpan
from xiaobao.privacy.masking import MaskedTranscript, mask, mask_text

__all__ = [
    "MaskedTranscript",
    "PiiKind",
    "PiiSpan",
    "display",
    "display_segments",
    "find_pii",
    "mask",
    "mask_text",
    "partly_hidden",
]
