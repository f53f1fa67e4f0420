"""Saved: what a snapshot says, as bytes in which a flipped bit is found."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

import msgspec

from diptych.codec import decoder, encode
from diptych.ports import StoredEvent

_HASH_BYTES = 16


class Saved(msgspec.Struct, frozen=True, gc=False):
    """A state, what it is the state of, and the last event in it, by its position, content hash and time.

    A log that was restored and went on may hold another event at that position: the hash and the time tell.
    """

    log: UUID
    fold: str
    tags: str
    version: int
    fingerprint: str
    position: int
    hash: bytes
    recorded_at: int
    state: msgspec.Raw

    def ends_with(self, event: StoredEvent) -> bool:
        """Say whether this event of a log is the one that was folded last."""
        return (event.position, event.hash, event.recorded_at) == (self.position, self.hash, self.recorded_at)


def packed(saved: Saved) -> bytes:
    """Return a saved state as bytes: a hash over all, and canonical JSON."""
    body = encode(saved)
    return _hash_of(body) + body


def unpacked(data: bytes) -> Saved | None:
    """Return what the bytes say, or None unless they are, to the last bit, what `packed` made."""
    body = data[_HASH_BYTES:]
    if _hash_of(body) != data[:_HASH_BYTES]:
        return None
    try:
        found: Saved = decoder(Saved)(body)
    except msgspec.MsgspecError:  # of a program that writes other fields
        return None
    return found


def _hash_of(body: bytes) -> bytes:
    return blake2b(body, digest_size=_HASH_BYTES).digest()
