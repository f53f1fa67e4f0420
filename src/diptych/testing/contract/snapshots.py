"""What every store of saved states promises: the last one saved under a fold and tags, or none."""
# ruff: noqa: S101 (a contract is made of asserts)

from __future__ import annotations

import asyncio

from diptych.ports import SavedState, SnapshotStore


class SnapshotsContract:
    """State every promise of `ports.SnapshotStore` as a test. Give it a fixture `snapshots`: an opened, empty store."""

    async def test_nothing_is_found_before_it_is_saved(self, snapshots: SnapshotStore) -> None:
        """An unknown fold and unknown tags are none."""
        assert await snapshots.get("shop.evolve", '["order:1"]') is None

    async def test_what_was_saved_is_found_by_fold_and_tags(self, snapshots: SnapshotStore) -> None:
        """Neither alone is the key."""
        await snapshots.put([SavedState("a", "1", b"a1"), SavedState("a", "2", b"a2"), SavedState("b", "1", b"")])

        assert await snapshots.get("a", "1") == b"a1"
        assert await snapshots.get("a", "2") == b"a2"
        assert await snapshots.get("b", "1") == b""
        assert await snapshots.get("b", "2") is None

    async def test_the_last_one_saved_takes_the_place_of_earlier_ones(self, snapshots: SnapshotStore) -> None:
        """Whichever is newer for the domain: the store does not read it."""
        await snapshots.put([SavedState("a", "1", b"first")])
        await snapshots.put([SavedState("a", "1", b"second"), SavedState("a", "1", b"third")])

        assert await snapshots.get("a", "1") == b"third"

    async def test_saving_nothing_changes_nothing(self, snapshots: SnapshotStore) -> None:
        """No state is a batch, too."""
        await snapshots.put([SavedState("a", "1", b"kept")])

        await snapshots.put([])

        assert await snapshots.get("a", "1") == b"kept"

    async def test_bytes_come_back_as_they_were(self, snapshots: SnapshotStore) -> None:
        """Of any length, with every value."""
        data = bytes(range(256)) * 4096

        await snapshots.put([SavedState("a", "\u00e4\u4e2d", data)])

        assert await snapshots.get("a", "\u00e4\u4e2d") == data

    async def test_states_are_found_while_others_are_saved(self, snapshots: SnapshotStore) -> None:
        """Reading waits for no writer, and sees whole batches."""
        await snapshots.put([SavedState("a", "1", b"0"), SavedState("a", "2", b"0")])

        async def save() -> None:
            for number in range(1, 50):
                text = b"%d" % number
                await snapshots.put([SavedState("a", "1", text), SavedState("a", "2", text)])

        saving = asyncio.ensure_future(save())
        while not saving.done():
            first, second = await snapshots.get("a", "1"), await snapshots.get("a", "2")
            assert first is not None
            assert second is not None
            assert int(first) <= int(second)
            await asyncio.sleep(0)
        await saving

        assert await snapshots.get("a", "1") == b"49"
