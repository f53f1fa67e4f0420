"""What is kept of accepted commands."""
# ruff: noqa: S101, PLR2004, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from diptych.ports import Appended, Conflicted, EventStore, Record, Recorded
from diptych.testing.contract.material import NOW, appending, event, everything, given, guard, record


class RecordingContract:
    """A record lies in the transaction of its events; an id takes effect once."""

    async def test_an_unknown_command_has_no_record(self, store: EventStore) -> None:
        assert await store.record(record().id) is None

    async def test_the_record_holds_the_position_of_the_last_event(self, store: EventStore) -> None:
        wanted = record("place.order", actor="ann")
        await given(store, event())

        await store.append(appending(event(), event(), record=wanted))

        kept = await store.record(wanted.id)
        assert kept == Record(wanted.id, "place.order", b"fingerprint-16by", b'{"answer":42}', 3, NOW, "ann")

    async def test_an_append_without_events_keeps_its_record_as_given(self, store: EventStore) -> None:
        await given(store, event(), event())
        wanted = record(position=1)

        outcome = await store.append(appending(record=wanted))

        assert outcome == Appended(1, 1, NOW)
        assert await store.record(wanted.id) == replace(wanted, recorded_at=NOW)
        assert await store.head() == 2

    async def test_an_append_without_events_is_judged_by_its_condition(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"))
        wanted = record()

        outcome = await store.append(appending(record=wanted, condition=guard("thing:1")))

        assert outcome == Conflicted(1)
        assert await store.record(wanted.id) is None

    async def test_an_append_of_nothing_changes_nothing(self, store: EventStore) -> None:
        await given(store, event())

        assert await store.append(appending()) == Appended(1, 1, NOW)
        assert await store.head() == 1

    async def test_an_id_that_is_taken_answers_with_its_record(self, store: EventStore) -> None:
        wanted = record()
        await store.append(appending(event(), record=wanted))

        again = await store.append(appending(event(), event(), record=replace(wanted, answer=b'"other"')))

        assert again == Recorded(replace(wanted, position=1, recorded_at=NOW))
        assert await store.head() == 1

    async def test_a_taken_id_is_seen_before_a_condition_that_fails(self, store: EventStore) -> None:
        for version in (4, 5, 7):
            wanted = record(version=version)
            await store.append(appending(event("moved", f"thing:{version}"), record=wanted))

            again = await store.append(appending(event(), record=wanted, condition=guard(f"thing:{version}")))

            assert isinstance(again, Recorded)

    async def test_a_conflict_leaves_no_record(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"))
        wanted = record()

        await store.append(appending(event(), record=wanted, condition=guard("thing:1")))

        assert await store.record(wanted.id) is None
        assert isinstance(await store.append(appending(event(), record=wanted)), Appended)

    async def test_of_twenty_appends_with_one_id_at_once_one_takes_effect(self, store: EventStore) -> None:
        for version in (4, 5, 7):
            wanted = record(version=version)
            before = await store.head()

            outcomes = await asyncio.gather(
                *(store.append(appending(event(), record=wanted)) for _ in range(20)),
                *(store.append(appending(event(), record=record())) for _ in range(5)),
            )

            assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 6
            answers = {outcome.record for outcome in outcomes if isinstance(outcome, Recorded)}
            assert answers == {await store.record(wanted.id)}
            assert await store.head() == before + 6

    async def test_a_new_time_ordered_id_that_is_taken_is_noticed_later_too(self, store: EventStore) -> None:
        wanted = record(version=7)
        await store.append(appending(event(), record=wanted))

        outcomes = await asyncio.gather(
            store.append(appending(event("moved", "thing:1"), record=record())),
            store.append(appending(event("moved", "thing:1"), record=wanted)),
            store.append(appending(event("moved", "thing:1"), record=record())),
        )

        assert [type(outcome) for outcome in outcomes] == [Appended, Recorded, Appended]
        assert [each.position for each in await everything(store)] == [1, 2, 3]
