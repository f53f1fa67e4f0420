"""What an append does, alone and among many."""
# ruff: noqa: S101, PLR2004, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

import asyncio

from diptych.model.criteria import Criteria
from diptych.ports import Appended, Conflicted, EventStore, StoredEvent
from diptych.testing.contract.material import (
    METADATA,
    NOW,
    appending,
    event,
    everything,
    given,
    guard,
    positions,
    record,
    soon,
)


class AppendingContract:
    """Appends are atomic, dense, ordered in time, and each has its own outcome."""

    async def test_a_new_log_is_empty(self, store: EventStore) -> None:
        found = await store.read(Criteria.all())

        assert (list(found.events), found.through, found.complete, await store.head()) == ([], 0, True, 0)

    async def test_positions_are_dense_from_one(self, store: EventStore) -> None:
        first = await store.append(appending(event(), event()))
        second = await store.append(appending(event()))

        assert first == Appended(1, 2, NOW)
        assert second == Appended(3, 3, NOW)
        assert await positions(store, Criteria.all()) == [1, 2, 3]

    async def test_an_event_comes_back_as_it_went_in(self, store: EventStore) -> None:
        new = event("order.placed", "order:1", "customer:7", data=b'{"n":1}', version=3)
        await store.append(appending(new))

        found = await store.read(Criteria.all())

        kept = StoredEvent(1, "order.placed", 3, ("order:1", "customer:7"), b'{"n":1}', METADATA, NOW, new.hash)
        assert list(found.events) == [kept]

    async def test_every_event_of_an_append_carries_its_metadata(self, store: EventStore) -> None:
        await store.append(appending(*(event("thing.done", f"thing:{n % 2}") for n in range(5))))

        assert [each.metadata for each in await everything(store)] == [METADATA] * 5
        tagged = await store.read(Criteria.tagged("thing:1", types=["thing.done"]))
        assert [(each.position, each.metadata) for each in tagged.events] == [(2, METADATA), (4, METADATA)]

    async def test_a_conflict_writes_none_of_its_events(self, store: EventStore) -> None:
        await given(store, event("code.taken", "code:a"))

        outcome = await store.append(appending(event("code.taken", "code:b"), event(), condition=guard("code:a")))

        assert outcome == Conflicted(1)
        assert await store.head() == 1
        assert await positions(store, Criteria.tagged("code:b")) == []

    async def test_events_of_one_append_do_not_forbid_each_other(self, store: EventStore) -> None:
        outcome = await store.append(
            appending(event("code.taken", "code:a"), event("code.taken", "code:a"), condition=guard("code:a"))
        )

        assert outcome == Appended(1, 2, NOW)

    async def test_time_never_falls_though_the_clock_does(self, store: EventStore) -> None:
        for now in (NOW, NOW - 5_000_000, NOW + 1, NOW):
            await store.append(appending(event(), now=now))

        assert [each.recorded_at for each in await everything(store)] == [NOW, NOW, NOW + 1, NOW + 1]

    async def test_each_of_many_appends_at_once_has_its_own_outcome(self, store: EventStore) -> None:
        outcomes = await asyncio.gather(
            *(
                store.append(appending(event("code.taken", f"code:{n // 2}"), condition=guard(f"code:{n // 2}")))
                for n in range(200)
            )
        )

        won = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
        assert sorted(outcome.first for outcome in won) == list(range(1, 101))
        for code in range(100):
            pair = {type(outcome) for outcome in outcomes[2 * code : 2 * code + 2]}
            assert pair == {Appended, Conflicted}

    async def test_of_sixteen_tasks_that_race_for_a_seat_one_gets_it(self, store: EventStore) -> None:
        async def take(seat: str) -> bool:
            taken = await store.append(
                appending(event("seat.taken", seat), condition=guard(seat, types=["seat.taken"]), record=record())
            )
            return isinstance(taken, Appended)

        for seat in range(20):
            won = await asyncio.gather(*(take(f"seat:{seat}") for _ in range(16)))
            assert sum(won) == 1

        assert await store.head() == 20

    async def test_no_update_is_lost_when_tasks_count_together(self, store: EventStore) -> None:
        counter = Criteria.tagged("counter:1", types=["counted"])

        async def count() -> None:
            while True:
                seen = await store.read(counter)
                data = str(len(seen.events) + 1).encode()
                wanted = guard("counter:1", types=["counted"], after=seen.through)
                outcome = await store.append(appending(event("counted", "counter:1", data=data), condition=wanted))
                if isinstance(outcome, Appended):
                    return

        await asyncio.gather(*(count() for _ in range(40)))

        assert [int(each.data) for each in await everything(store)] == list(range(1, 41))

    async def test_cancelling_the_caller_cancels_nothing(self, store: EventStore) -> None:
        wanted = record()
        caller = asyncio.create_task(store.append(appending(event(), record=wanted)))
        await asyncio.sleep(0)  # it has begun
        caller.cancel()

        await asyncio.gather(caller, return_exceptions=True)

        assert await soon(store.wait(0, 10.0)) == 1
        assert await store.record(wanted.id) is not None

    async def test_a_thousand_events_are_one_append(self, store: EventStore) -> None:
        outcome = await store.append(appending(*(event("thing.done", f"thing:{n}") for n in range(1000))))

        assert outcome == Appended(1, 1000, NOW)
        assert await positions(store, Criteria.tagged("thing:999")) == [1000]
