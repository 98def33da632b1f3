"""Every dependency's telemetry and download switch, off, in one place and before any of them is imported."""

from __future__ import annotations

import os

SWITCHES = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAGAS_DO_NOT_TRACK": "true",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    # Checkpoints may only hold types we allow; the default of langgraph-checkpoint 4.3 is still permissive.
    "LANGGRAPH_STRICT_MSGPACK": "true",
}


def switch_off() -> None:
    """Set every switch, over whatever the environment says: a stray variable must not open a connection."""
    os.environ.update(SWITCHES)
