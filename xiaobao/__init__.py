"""小保 core: types, rule engine, privacy, model backends and store. Imports no application framework."""

__version__ = "0.1.0"
