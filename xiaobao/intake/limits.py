"""How much one import may ask of the machine; every refusal names the limit it met."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class IntakeLimits:
    """Sizes in bytes unless said otherwise. Turns a call and characters a turn are limits of the domain types."""

    max_record_bytes: int = 64 * MIB
    """One JSONL line, one CSV field, or one call of a text file. MAX_TURNS turns of 1 kB fit three times over."""
    max_document_bytes: int = 128 * MIB
    """One `.json` document, which has to be held in memory whole; more belongs in JSONL."""
    max_table_rows: int = 300_000
    """Rows of one worksheet, which has to be held in memory whole; more belongs in CSV."""
    max_columns: int = 200
    """Columns of a table."""
    max_workbook_bytes: int = 64 * MIB
    """One `.xlsx` file as it lies on disk."""
    max_workbook_unpacked_bytes: int = 256 * MIB
    """All parts of one `.xlsx` together, unpacked."""
    max_unpacked_bytes: int = 500 * 1000 * 1000
    """All members of one zip together, or one gzip, unpacked."""
    max_ratio: int = 100
    """Unpacked size over packed size; text compresses 3 to 10 times."""
    ratio_grace_bytes: int = MIB
    """Unpacked size below which the ratio is not looked at: small repetitive files compress well and harm nobody."""
    max_entries: int = 10_000
    """Members of one zip."""


DEFAULT_LIMITS = IntakeLimits()
