"""小保 core: types, rule engine, privacy, model backends and store. Imports no application framework."""

from xiaobao.telemetry import switch_off

__version__ = "0.1.0"

switch_off()  # on import of the package every entry point starts with, so no dependency can be imported before it
