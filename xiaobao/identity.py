"""Stable ids: the same thing judged by the same policy gets the same id, so a repeated run changes nothing."""

from __future__ import annotations

from hashlib import blake2b, sha256


def short_id(prefix: str, *parts: str) -> str:
    """`<prefix>-` and 16 hex digits (64 bits) over the parts."""
    return f"{prefix}-{blake2b(chr(0).join(parts).encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def content_sha256(document: bytes) -> str:
    """Hex sha256 of a serialised record."""
    return sha256(document).hexdigest()
