"""A batch of n events leaves the same rows as n batches of one, and as the independent folder."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.history.folder import fold_log
from diptych.model.criteria import Criteria
from diptych.model.marks import Scale
from diptych.model.projections import Projection
from diptych.ports import EventReader, Snapshot
from diptych.read.plan import learn
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.read.shop import Created, Removed, Renamed, Sold, codec, record, shop

codes = st.sampled_from("abc")
names = st.sampled_from(["Apple", "Ananas", "Birne"])
prices = st.decimals(min_value=0, max_value=99, places=2)
events = st.one_of(
    st.builds(Created, codes, names, prices),
    st.builds(Removed, codes),
    st.builds(Sold, st.integers(1, 9), st.lists(st.tuples(codes, st.integers(1, 5)), max_size=3).map(tuple)),
)
histories = st.lists(events, max_size=30)
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=5)


async def projected(projection: Projection, log: EventReader, sizes: Sequence[int]) -> Snapshot:
    """Fold the log in batches of these sizes; a size of 0 stands for a restart, which remembers nothing."""
    async with SqliteRowStore(None) as rows, rows.writer() as writer, rows.reader() as reader:
        await writer.lease({"shop": ""}, seconds=60)

        async def started() -> Projector:
            found = await writer.install([projection], {"shop": ""}, log_id=UUID(int=1), head=99, mode="production")
            return Projector(projection, found["shop"], writer, LiveProgress())

        projector, turn, complete = await started(), 0, False
        while not complete:
            limit = sizes[turn % len(sizes)]
            if not limit:
                projector, turn = await started(), turn + 1
                continue
            page = await log.read(Criteria.typed(*projection.types), after=projector.position, limit=limit)
            await projector.advance(learn(codec(), page), page.through, now=float(turn))
            turn, complete = turn + 1, page.complete
        assert not projector.stopped
        await projector.store_idle()
        return await reader.snapshot(projection)


async def compared(history: Sequence[Any], sizes: Sequence[int]) -> None:
    store, projection = MemoryEventStore(), shop()
    for each in history:
        await record(store, each)

    in_batches = await projected(projection, store, sizes)
    one_by_one = await projected(projection, store, [1])
    expected = await fold_log(projection, store, codec(), until=len(history))

    assert in_batches.checkpoint.position == one_by_one.checkpoint.position == len(history)
    assert in_batches.rows == one_by_one.rows == expected


@settings(max_examples=60, deadline=None)
@given(histories, sizes)
def test_a_batch_of_n_equals_n_batches_of_one(history: Sequence[Any], sizes: Sequence[int]) -> None:
    asyncio.run(compared(history, sizes))


@dataclass(frozen=True)
class Day:
    code: str
    at: datetime
    day: date | None = None


async def test_a_fold_sees_datetimes_in_utc_whether_its_row_was_stored_or_not() -> None:
    late = datetime(2011, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    projection, store = Projection("shop"), MemoryEventStore()

    @projection.read_model(Day, key="code").on
    def dated(row: Day | None, event: Created) -> Day:
        return Day(event.code, late) if row is None else replace(row, day=row.at.date())

    await record(store, *[Created("a", "Apple", Decimal(1))] * 2)
    snapshot = await projected(projection, store, [2])

    expected = {("a",): Day("a", late.astimezone(UTC), date(2010, 12, 31))}
    assert snapshot.rows["day"] == expected
    assert (await fold_log(projection, store, codec(), until=2))["day"] == expected


@dataclass(frozen=True)
class Label:
    code: str
    price: Annotated[Decimal, Scale(4)]
    text: str = ""


@pytest.mark.parametrize("sizes", [[3], [1], [1, 0]])
async def test_a_fold_sees_decimals_to_all_of_their_places_whether_its_row_was_stored_or_not(
    sizes: Sequence[int],
) -> None:
    projection, store = Projection("shop"), MemoryEventStore()

    @projection.read_model(Label, key="code").on
    def labelled(row: Label | None, event: Created) -> Label:
        return Label(event.code, event.price, f"{row.text}{row.price};" if row else "")

    await record(store, *[Created("a", "Apple", Decimal("9.5"))] * 3)
    snapshot = await projected(projection, store, sizes)

    assert snapshot.rows["label"] == {("a",): Label("a", Decimal("9.5"), "9.5000;9.5000;")}
    assert (await fold_log(projection, store, codec(), until=3))["label"] == snapshot.rows["label"]


async def test_a_row_deleted_and_made_again_in_one_batch_is_the_new_one() -> None:
    history = [
        Created("a", "Apple", Decimal(1)),
        Removed("a"),
        Created("a", "Birne", Decimal(2)),
        Renamed("a", "Apfel"),
    ]

    await compared(history, [100])
