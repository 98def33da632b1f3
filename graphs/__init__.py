"""The review graph and the services built around it; the only home of langgraph."""

from xiaobao.telemetry import switch_off

switch_off()  # langgraph reads a safety switch when it is imported, and a graph may be a program's first import
