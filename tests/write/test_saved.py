"""What a snapshot says comes back as it was, and no flipped bit goes unseen."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

import msgspec
import pytest

from diptych.codec import encode
from diptych.ports import StoredEvent
from diptych.write.saved import Saved, packed, unpacked

STATE = Saved(UUID(int=7), "a.fold", '["pot:1"]', 1, "f" * 32, 9, b"\x00" * 16, 5, msgspec.Raw(b'{"n":1}'))
LAST = StoredEvent(9, "n", 1, (), b"", b"", 5, b"\x00" * 16)


def test_what_was_packed_is_unpacked() -> None:
    found = unpacked(packed(STATE))

    assert found is not None
    assert bytes(found.state) == b'{"n":1}'
    assert msgspec.structs.replace(found, state=STATE.state) == STATE


def test_every_flipped_bit_is_found() -> None:
    data = packed(STATE)

    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        assert unpacked(bytes(damaged)) is None, bit


def test_every_truncation_is_found() -> None:
    data = packed(STATE)

    assert all(unpacked(data[:length]) is None for length in range(len(data)))
    assert unpacked(data + b" ") is None


def test_what_another_program_packed_is_none_of_ours() -> None:
    body = encode({"log": "elsewhere"})
    whole = packed(STATE)

    assert unpacked(whole[:16] + body) is None
    assert unpacked(_under_its_hash(body)) is None


@pytest.mark.parametrize("other", [{"position": 8}, {"hash": b"\x01" * 16}, {"recorded_at": 6}])
def test_it_ends_with_the_event_that_was_folded_last_and_no_other(other: dict[str, object]) -> None:
    assert STATE.ends_with(LAST)
    assert not STATE.ends_with(msgspec.structs.replace(LAST, **other))


def _under_its_hash(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest() + body
