"""What a log promises that can be copied and become a copy."""
# ruff: noqa: S101, PLR2004, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from msgspec.structs import replace

from diptych.codec import content_hash
from diptych.errors import CopyError
from diptych.model.criteria import Criteria
from diptych.ports import (
    FIRST,
    Appended,
    Conflicted,
    Copy,
    MovableLog,
    Origin,
    Record,
    Recorded,
    StoredEvent,
    origins_of,
)
from diptych.testing.contract.material import NOW, appending, event, everything, given, guard, positions, record

SOURCE, EARLIER = UUID(int=7), UUID(int=6)
BEGUN = Copy(SOURCE, 0, 0, ())


def stored(position: int, name: str = "thing.done", *tags: str, command: int = 0, at: int = 0) -> StoredEvent:
    """Return an event of the source; those of one `command` share their metadata."""
    metadata = b'{"command":"%d"}' % (command or position)
    data = b'{"n":%d}' % position
    digest = content_hash(name, 2, tags, data, metadata)
    return StoredEvent(position, name, 2, tags, data, metadata, NOW + at, digest)


def accepted(position: int, at: int = 0) -> Record:
    """Return the record of a command of the source."""
    return replace(record("do.thing", actor="ann"), position=position, recorded_at=NOW + at)


async def received(
    store: MovableLog, events: Sequence[StoredEvent], records: Sequence[Record] = (), *, before: Copy | None = None
) -> Copy:
    """Receive a page that goes on where the log ends."""
    after = replace(before or BEGUN, position=events[-1].position if events else (before or BEGUN).position)
    return await store.receive(events, records, before=before, after=after)


class MovingContract:
    """State every promise of `ports.Movable` as a test. Give it a fixture `store`: an opened, empty log."""

    async def test_a_log_that_began_by_itself_is_no_copy(self, store: MovableLog) -> None:
        await given(store, event())

        assert await store.copied() is None
        assert await origins_of(store) == ()

    async def test_events_are_kept_as_they_were_recorded(self, store: MovableLog) -> None:
        sent = [
            stored(1, "sale.made", "sale:1", "customer:Zo\u00eb", command=1),
            stored(2, "stock.moved", "product:1", "product:1", command=1),
            stored(3, "shop.closed", at=5),
        ]

        copy = await received(store, sent)

        assert copy == Copy(SOURCE, 3, 3, ())
        assert await everything(store) == sent
        assert await store.head() == 3

    async def test_events_are_found_by_their_types_and_tags(self, store: MovableLog) -> None:
        await received(store, [stored(1, "a", "thing:1"), stored(2, "b", "thing:2"), stored(3, "a", "thing:2")])

        assert await positions(store, Criteria.typed("a")) == [1, 3]
        assert await positions(store, Criteria.tagged("thing:2")) == [2, 3]
        assert await positions(store, Criteria.tagged("thing:2", types=["a"])) == [3]

    async def test_a_log_goes_on_after_what_it_received(self, store: MovableLog) -> None:
        await received(store, [stored(1, "a", "thing:1"), stored(2, "a", "thing:2", at=9)])

        lost = await store.append(appending(event("a", "thing:1"), condition=guard("thing:1")))
        won = await store.append(appending(event("a", "thing:1"), condition=guard("thing:1", after=1)))

        assert lost == Conflicted(1)
        assert won == Appended(3, 3, NOW + 9)  # time never falls
        assert await positions(store, Criteria.tagged("thing:1")) == [1, 3]

    async def test_a_command_that_took_effect_in_the_source_takes_none_here(self, store: MovableLog) -> None:
        with_events, without = accepted(1), accepted(0, at=3)
        await received(store, [stored(1)], [with_events, without])

        for each in (with_events, without):
            assert await store.record(each.id) == each
            assert await store.append(appending(event(), record=replace(each, answer=b"0"))) == Recorded(each)
        assert await store.head() == 1

    async def test_a_record_that_is_here_is_left_as_it_is(self, store: MovableLog) -> None:
        first, second = accepted(1), accepted(1)
        copy = await received(store, [stored(1)], [first])

        await received(store, (), [replace(first, answer=b"0"), second], before=copy)

        assert await store.record(first.id) == first
        assert await store.record(second.id) == second

    async def test_records_are_read_in_the_order_of_their_ids(self, store: MovableLog) -> None:
        records = [replace(accepted(1), id=UUID(bytes=bytes([first] + [0] * 14 + [9]))) for first in (200, 3, 127, 128)]
        await received(store, [stored(1)], records)

        ordered = sorted(records, key=lambda each: each.id.bytes)

        assert list(await store.records_after(FIRST, limit=10)) == ordered
        assert list(await store.records_after(ordered[0].id, limit=2)) == ordered[1:3]
        assert list(await store.records_after(ordered[-1].id, limit=2)) == []

    async def test_page_follows_page(self, store: MovableLog) -> None:
        sent = [stored(n, "a", f"thing:{n % 7}", command=1 + n // 5, at=n // 5) for n in range(1, 201)]
        copy: Copy | None = None
        for start in range(0, 200, 33):
            copy = await received(store, sent[start : start + 33], before=copy)
            assert await store.copied() == copy

        assert await everything(store) == sent
        assert await store.located(17) == (await everything(store))[16].position

    async def test_a_log_that_holds_anything_becomes_no_copy(self, store: MovableLog) -> None:
        await given(store, event())

        with pytest.raises(CopyError, match="holds 1 events and 0 records"):
            await received(store, [stored(1)])

        assert len(await everything(store)) == 1
        assert await store.copied() is None

    async def test_a_log_with_a_record_alone_becomes_no_copy(self, store: MovableLog) -> None:
        await store.append(appending(record=record()))

        with pytest.raises(CopyError, match="holds 0 events and 1 records"):
            await received(store, [stored(1)])

    async def test_a_log_that_was_written_receives_nothing_more(self, store: MovableLog) -> None:
        copy = await received(store, [stored(1)])
        await given(store, event())

        with pytest.raises(CopyError, match="written after it was copied"):
            await received(store, [stored(2)], [accepted(2)], before=copy)

        assert len(await everything(store)) == 2
        assert await store.copied() == copy
        assert list(await store.records_after(FIRST, limit=9)) == []

    async def test_only_who_knows_how_far_it_is_may_go_on(self, store: MovableLog) -> None:
        copy = await received(store, [stored(1)])

        for before in (None, BEGUN, replace(copy, source=EARLIER), replace(copy, finished=True)):
            with pytest.raises(CopyError):
                await received(store, [stored(2)], before=before)

        assert await received(store, [stored(2)], before=copy) == Copy(SOURCE, 2, 2, ())

    async def test_of_two_copiers_at_once_one_goes_on(self, store: MovableLog) -> None:
        copy = await received(store, [stored(1)])

        both = [received(store, [stored(2)], before=copy) for _ in range(2)]
        found = await asyncio.gather(*both, return_exceptions=True)

        assert sorted(type(each).__name__ for each in found) == ["Copy", "CopyError"]
        assert [each.position for each in await everything(store)] == [1, 2]

    @pytest.mark.parametrize("wrong", [stored(4), stored(2), stored(3, at=-1)], ids=["gap", "again", "earlier"])
    async def test_a_page_that_is_out_of_order_leaves_nothing(self, store: MovableLog, wrong: StoredEvent) -> None:
        copy = await received(store, [stored(1)])

        with pytest.raises(CopyError):
            await received(store, [stored(2), wrong], [accepted(1)], before=copy)

        assert [each.position for each in await everything(store)] == [1]
        assert await store.copied() == copy
        assert list(await store.records_after(FIRST, limit=9)) == []
        assert await received(store, [stored(2)], before=copy) == Copy(SOURCE, 2, 2, ())

    async def test_an_empty_log_can_be_copied_too(self, store: MovableLog) -> None:
        copy = await received(store, ())

        assert copy == BEGUN == await store.copied()
        assert await received(store, [stored(1)], before=copy) == Copy(SOURCE, 1, 1, ())

    async def test_where_events_were_first_recorded_is_known(self, store: MovableLog) -> None:
        copy = await received(store, [stored(1), stored(2)])
        after = replace(copy, origins=(Origin(EARLIER, 1),), finished=True)

        kept = await store.receive((), (), before=copy, after=after)

        assert kept == await store.copied() == after
        assert await origins_of(store) == (Origin(EARLIER, 1), Origin(SOURCE, 2))
