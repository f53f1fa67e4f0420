"""Hashes: what guards the content of the log, and what tells two requests apart."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from diptych.errors import CorruptionError


def content_hash(name: str, version: int, tags: Iterable[str], data: bytes, metadata: bytes) -> bytes:
    """Return the hash of an event's content: 16 bytes of BLAKE2b over all that is stored but its position and time."""
    head = "\x00".join((name, str(version), *tags, "")).encode()  # no part holds a NUL: the parts cannot be shifted
    return blake2b(head + data + b"\x00" + metadata, digest_size=16).digest()


def fingerprint(name: str, request: bytes) -> bytes:
    """Return the fingerprint of a request as received: 16 bytes of BLAKE2b."""
    return blake2b(name.encode() + b"\x00" + request, digest_size=16).digest()


def verify_content(  # noqa: PLR0917 (the stored columns, in the order of the hash)
    position: int, stored_hash: bytes, name: str, version: int, tags: Iterable[str], data: bytes, metadata: bytes
) -> None:
    """Raise CorruptionError unless the content of a stored event has its stored hash."""
    if content_hash(name, version, tags, data, metadata) != stored_hash:
        raise CorruptionError(
            f"the event at position {position} ({name} version {version}) does not match its hash: it was changed past "
            f"Diptych, or the disk is damaged; restore a backup"
        )
