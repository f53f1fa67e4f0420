"""What the specification of Dynamic Consistency Boundaries asks of an event store, one test for each of its rules.

Source: https://dcb.events/specification/ (March 2026). Its query is a Criteria here, its query item a Clause, its
append condition `unless(criteria, after=...)`. An append without events, which it forbids, is the record of a command:
see `RecordingContract`.
"""
# ruff: noqa: S101, D102, PLR2004 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

import asyncio

import pytest

from diptych.model.criteria import Clause, Criteria, unless
from diptych.ports import Appended, AppendOutcome, Conflicted, EventStore
from diptych.testing.contract.material import appending, event, everything, given, positions

ALL = Criteria.all()


async def append(store: EventStore, criteria: Criteria, *, after: int = 0) -> AppendOutcome:
    """Append a probe unless an event matches."""
    return await store.append(appending(event("probe"), condition=unless(criteria, after=after)))


async def school(store: EventStore) -> int:
    """Record what the tests select from: positions 1 to 6; return the head."""
    return await given(
        store,
        event("type1"),
        event("type2", "tag1"),
        event("type2", "tag1", "tag2"),
        event("type3", "tag1", "tag3"),
        event("type4", "tag1", "tag2", "tag3"),
        event("type5", "tag4"),
    )


class BoundariesContract:
    """The rules of the specification, in its order: reading, appending, positions, events, queries, conditions."""

    async def test_reading_filters_by_type(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.typed("type2")) == [2, 3]

    async def test_reading_filters_by_tag(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.tagged("tag2")) == [3, 5]

    async def test_reading_filters_by_both(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.tagged("tag1", types=["type2"])) == [2, 3]

    async def test_reading_may_start_at_a_position(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.tagged("tag1"), after=2) == [3, 4, 5]

    async def test_reading_may_go_backwards_and_be_limited(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, ALL, backwards=True, limit=2) == [6, 5]
        assert await positions(store, ALL, limit=2) == [1, 2]

    async def test_an_append_persists_all_of_its_events(self, store: EventStore) -> None:
        outcome = await store.append(appending(event("a"), event("b"), event("c")))

        assert isinstance(outcome, Appended)
        assert [each.name for each in await everything(store)] == ["a", "b", "c"]

    async def test_an_append_that_fails_persists_none(self, store: EventStore) -> None:
        await school(store)

        outcome = await store.append(appending(event("a"), event("b"), condition=unless(Criteria.typed("type1"))))

        assert outcome == Conflicted(1)
        assert len(await everything(store)) == 6

    async def test_an_append_fails_when_one_stored_event_matches(self, store: EventStore) -> None:
        await school(store)

        assert isinstance(await append(store, Criteria.typed("type5")), Conflicted)

    async def test_an_append_holds_when_no_stored_event_matches(self, store: EventStore) -> None:
        await school(store)

        assert isinstance(await append(store, Criteria.typed("type6")), Appended)

    async def test_a_position_is_unique_in_the_store(self, store: EventStore) -> None:
        outcomes = await asyncio.gather(*(store.append(appending(event(), event())) for _ in range(50)))

        found = [each.position for each in await everything(store)]
        assert len(found) == len(set(found)) == 2 * len(outcomes)

    async def test_positions_rise_from_append_to_append(self, store: EventStore) -> None:
        first = await store.append(appending(event(), event()))
        second = await store.append(appending(event()))

        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        assert first.first < first.last < second.first

    async def test_an_event_has_a_type_opaque_data_and_tags(self, store: EventStore) -> None:
        new = event("type1", "a:1", "b:2", data=b'{"any":["thing"]}')

        await store.append(appending(new))

        stored = (await everything(store))[0]
        assert (stored.name, stored.data, set(stored.tags)) == (new.name, new.data, {"a:1", "b:2"})

    async def test_an_event_may_have_no_tags(self, store: EventStore) -> None:
        await given(store, event("type1"))

        assert (await everything(store))[0].tags == ()

    async def test_a_tag_that_is_repeated_counts_once(self, store: EventStore) -> None:
        await given(store, event("type1", "a:1", "a:1"))

        assert await positions(store, Criteria.tagged("a:1")) == [1]
        assert isinstance(await append(store, Criteria.tagged("a:1"), after=1), Appended)

    async def test_a_query_may_match_all_events(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, ALL) == [1, 2, 3, 4, 5, 6]
        assert isinstance(await append(store, ALL, after=5), Conflicted)

    async def test_items_of_a_query_are_joined_by_or(self, store: EventStore) -> None:
        await school(store)
        either = Criteria.typed("type1") | Criteria.tagged("tag4")

        assert await positions(store, either) == [1, 6]
        assert await append(store, either, after=1) == Conflicted(6)
        assert isinstance(await append(store, either, after=6), Appended)

    async def test_the_query_of_the_specification_selects_what_it_says(self, store: EventStore) -> None:
        await school(store)
        query = Criteria(
            (
                Clause(types=("type1", "type2")),
                Clause(tags=("tag1", "tag2")),
                Clause(("type2", "type3"), ("tag1", "tag3")),
            )
        )

        assert await positions(store, query) == [1, 2, 3, 4, 5]

    async def test_an_event_matched_by_several_items_is_read_once(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.tagged("tag1") | Criteria.typed("type2")) == [2, 3, 4, 5]

    async def test_an_item_takes_any_of_its_types(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.typed("type1", "type5")) == [1, 6]
        assert await append(store, Criteria.typed("type1", "type5"), after=1) == Conflicted(6)

    async def test_an_item_wants_all_of_its_tags(self, store: EventStore) -> None:
        await school(store)

        assert await positions(store, Criteria.tagged("tag1", "tag3")) == [4, 5]
        assert await append(store, Criteria.tagged("tag1", "tag3"), after=4) == Conflicted(5)
        assert isinstance(await append(store, Criteria.tagged("tag2", "tag4")), Appended)

    async def test_events_up_to_the_position_of_a_condition_are_ignored(self, store: EventStore) -> None:
        await school(store)

        assert await append(store, Criteria.tagged("tag1"), after=4) == Conflicted(5)
        assert isinstance(await append(store, Criteria.tagged("tag1"), after=5), Appended)

    async def test_without_a_position_any_matching_event_fails_the_append(self, store: EventStore) -> None:
        await school(store)

        assert isinstance(await append(store, Criteria.typed("type1")), Conflicted)

    async def test_the_position_may_be_that_of_the_head_though_nothing_there_matches(self, store: EventStore) -> None:
        head = await school(store)

        assert isinstance(await append(store, Criteria.typed("type1"), after=head), Appended)

    async def test_a_condition_need_not_be_what_was_read(self, store: EventStore) -> None:
        await school(store)
        read = await store.read(Criteria.tagged("tag1"))
        await store.append(appending(event("type2", "tag1")))

        assert isinstance(await append(store, Criteria.typed("type3"), after=read.through), Appended)
        assert await append(store, Criteria.typed("type2"), after=read.through) == Conflicted(7)

    async def test_what_is_read_and_appended_under_its_condition_is_one_decision(self, store: EventStore) -> None:
        boundary = Criteria.tagged("seat:1")

        async def decide() -> AppendOutcome | None:
            found = await store.read(boundary)
            if found.events:
                return None
            await asyncio.sleep(0)
            return await store.append(
                appending(event("taken", "seat:1"), condition=unless(boundary, after=found.through))
            )

        outcomes = await asyncio.gather(*(decide() for _ in range(16)))

        assert sum(isinstance(each, Appended) for each in outcomes) == 1

    @pytest.mark.parametrize("writers", [8])
    async def test_unrelated_writers_never_conflict(self, store: EventStore, writers: int) -> None:
        async def write(own: int) -> list[AppendOutcome]:
            boundary, outcomes = Criteria.tagged(f"thing:{own}"), []
            for _ in range(10):
                after = (await store.read(boundary)).through
                new = appending(event("done", f"thing:{own}"), condition=unless(boundary, after=after))
                outcomes.append(await store.append(new))
            return outcomes

        for outcomes in await asyncio.gather(*(write(own) for own in range(writers))):
            assert all(isinstance(each, Appended) for each in outcomes)
