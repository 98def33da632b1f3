"""The knowledge base: regulations, policy packs, search; the only home of chromadb."""

from xiaobao.telemetry import switch_off

switch_off()  # chromadb reads its switch when it is imported, and the index may be a program's first import
