"""What a read finds, in which order, and what `through` and `complete` say."""
# ruff: noqa: S101, PLR2004, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

from diptych.model.criteria import Clause, Criteria
from diptych.ports import EventStore
from diptych.testing.contract.material import appending, event, given, positions

EVERYTHING = Criteria.all()
NAMES = tuple(f"type.{n}" for n in range(12))


async def shop(store: EventStore) -> None:
    """Give the log that the tests read."""
    await given(
        store,
        event("order.placed", "order:1", "customer:1"),
        event("order.placed", "order:2", "customer:1"),
        event("order.paid", "order:1"),
        event("shop.closed"),
        event("order.sent", "order:1", "parcel:1"),
        event("order.placed", "order:3", "customer:2", version=2),
    )


class ReadingContract:
    """Reads select by types and tags, page in both directions, and never miss what they have passed."""

    async def test_criteria_select_by_tags_and_types(self, store: EventStore) -> None:
        await shop(store)

        for criteria, expected in (
            (EVERYTHING, [1, 2, 3, 4, 5, 6]),
            (Criteria(), []),
            (Criteria.tagged("order:1"), [1, 3, 5]),
            (Criteria.tagged("order:9"), []),
            (Criteria.tagged("order:1", types=["order.paid"]), [3]),
            (Criteria.tagged("order:1", types=["order.paid", "order.sent", "order.lost"]), [3, 5]),
            (Criteria.tagged("order:1", types=["order.lost"]), []),
            (Criteria.tagged("customer:1", "order:2"), [2]),
            (Criteria.tagged("order:2", "customer:1"), [2]),
            (Criteria.tagged("order:1", "customer:1", types=["order.placed", "order.sent"]), [1]),
            (Criteria.tagged("order:1", "customer:1", "parcel:1"), []),
            (Criteria.typed("order.placed"), [1, 2, 6]),
            (Criteria.typed("order.placed", "shop.closed"), [1, 2, 4, 6]),
            (Criteria.typed("shop.opened"), []),
        ):
            assert await positions(store, criteria) == expected, criteria
            assert await positions(store, criteria, backwards=True) == expected[::-1], criteria

    async def test_clauses_are_joined_by_or_and_no_event_comes_twice(self, store: EventStore) -> None:
        await shop(store)

        for criteria, expected in (
            (Criteria.tagged("order:1") | Criteria.tagged("customer:1"), [1, 2, 3, 5]),
            (Criteria.tagged("order:3") | Criteria.typed("order.paid"), [3, 6]),
            (Criteria.tagged("order:3", types=["x"]) | Criteria.typed("shop.closed"), [4]),
            (Criteria.typed("order.placed") | EVERYTHING, [1, 2, 3, 4, 5, 6]),
            (Criteria(tuple(Clause((), (f"order:{n}",)) for n in range(40))), [1, 2, 3, 5, 6]),
        ):
            assert await positions(store, criteria) == expected, criteria
            assert await positions(store, criteria, backwards=True) == expected[::-1], criteria

    async def test_after_is_exclusive_and_until_inclusive(self, store: EventStore) -> None:
        await shop(store)

        for criteria, expected in (
            (EVERYTHING, [3, 4, 5]),
            (Criteria.tagged("order:1"), [3, 5]),
            (Criteria.typed("shop.closed", "order.placed"), [4]),
            (Criteria.tagged("order:1") | Criteria.typed("shop.closed"), [3, 4, 5]),
        ):
            assert await positions(store, criteria, after=2, until=5) == expected
            assert await positions(store, criteria, after=2, until=5, backwards=True) == expected[::-1]
            assert await positions(store, criteria, after=5, until=5) == []

    async def test_a_count_is_that_of_the_events_that_a_read_finds(self, store: EventStore) -> None:
        await shop(store)

        for criteria in (
            EVERYTHING,
            Criteria(),
            Criteria.typed("order.placed"),
            Criteria.typed("order.placed", "order.placed", "shop.closed", "shop.opened"),
            Criteria.tagged("order:1"),
            Criteria.tagged("order:9"),
            Criteria.tagged("customer:1", "order:2"),
            Criteria.tagged("order:1", "customer:1", types=["order.placed", "order.sent", "order.paid"]),
            Criteria.tagged("order:1") | Criteria.tagged("customer:1"),
            Criteria.tagged("order:3", types=["order.placed"]) | Criteria.typed("order.placed", "shop.closed"),
            Criteria.typed("order.paid") | EVERYTHING,
            Criteria(tuple(Clause((), (f"order:{n % 3}",)) for n in range(700))),
        ):
            for after, until in ((0, None), (2, 5), (0, 3), (5, 5), (5, 2), (0, 1000), (6, None)):
                found = await store.read(criteria, after=after, until=until)
                assert await store.count(criteria, after=after, until=until) == len(found.events), (criteria, after)

    async def test_a_count_of_nothing_is_zero(self, store: EventStore) -> None:
        assert await store.count(EVERYTHING) == 0
        assert await store.count(Criteria.typed("order.placed")) == 0

    async def test_through_says_up_to_where_nothing_is_missing(self, store: EventStore) -> None:
        await shop(store)

        for criteria in (EVERYTHING, Criteria.tagged("order:1"), Criteria.typed("shop.closed"), Criteria()):
            complete = await store.read(criteria)
            bounded = await store.read(criteria, until=4)
            assert (complete.through, complete.complete) == (6, True), criteria
            assert (bounded.through, bounded.complete) == (4, True), criteria

    async def test_until_beyond_the_head_does_not_reach_beyond_it(self, store: EventStore) -> None:
        await shop(store)

        assert (await store.read(EVERYTHING, until=1000)).through == 6
        assert (await store.read(Criteria.tagged("order:1"), until=1000)).through == 6

    async def test_a_slice_that_the_limit_cut_goes_through_its_last_event(self, store: EventStore) -> None:
        await shop(store)

        for criteria, through in (
            (EVERYTHING, 2),
            (Criteria.tagged("order:1"), 3),
            (Criteria.typed("order.placed"), 2),
            (Criteria.tagged("order:1") | Criteria.typed("order.placed"), 2),
        ):
            cut = await store.read(criteria, limit=2)
            assert (len(cut.events), cut.through, cut.complete) == (2, through, False), criteria

    async def test_a_limit_that_just_fits_cuts_nothing(self, store: EventStore) -> None:
        await shop(store)

        for criteria in (EVERYTHING, Criteria.tagged("order:1"), Criteria.typed("order.placed", "order.paid")):
            count = len(await positions(store, criteria))
            assert (await store.read(criteria, limit=count)).complete, criteria
            assert not (await store.read(criteria, limit=count - 1)).complete, criteria

    async def test_backwards_pages_go_on_before_the_last_event(self, store: EventStore) -> None:
        await shop(store)

        newest = await store.read(Criteria.tagged("order:1"), limit=2, backwards=True)
        older = await store.read(Criteria.tagged("order:1"), until=newest.events[-1].position - 1, backwards=True)

        assert [each.position for each in newest.events] == [5, 3]
        assert not newest.complete
        assert [each.position for each in older.events] == [1]
        assert older.complete

    async def test_pages_put_together_are_the_whole(self, store: EventStore) -> None:
        names = [NAMES[n * n % len(NAMES)] for n in range(300)]
        await store.append(appending(*(event(name, f"thing:{n % 7}") for n, name in enumerate(names))))

        for criteria in (
            EVERYTHING,
            Criteria.tagged("thing:3"),
            Criteria.tagged("thing:3", types=NAMES[:5]),
            Criteria.typed(*NAMES[:3]),
            Criteria.typed(*NAMES[:9]),
            Criteria.typed(*NAMES[:2]) | Criteria.tagged("thing:5") | Criteria.tagged("thing:3", types=NAMES),
        ):
            whole = [n for n, name in enumerate(names, start=1) if criteria.matches(name, (f"thing:{(n - 1) % 7}",))]
            for limit in (1, 7, 100):
                assert await self._paged(store, criteria, limit) == whole, (criteria, limit)

    async def test_events_that_were_acknowledged_are_read_at_once(self, store: EventStore) -> None:
        for n in range(1, 50):
            await store.append(appending(event("moved", "thing:1")))

            found = await store.read(Criteria.tagged("thing:1", types=["moved"]), after=n - 1)

            assert ([each.position for each in found.events], found.through) == ([n], n)

    async def _paged(self, store: EventStore, criteria: Criteria, limit: int) -> list[int]:
        found: list[int] = []
        after = 0
        while True:
            page = await store.read(criteria, after=after, limit=limit)
            found += [each.position for each in page.events]
            after = page.through
            if page.complete:
                return found
