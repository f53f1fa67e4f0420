"""Whatever a projection is made of: a batch of n leaves the rows of n batches of one, and of the independent folder."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.history.folder import fold_log
from diptych.model.criteria import Criteria
from diptych.model.projections import Projection
from diptych.ports import EventReader, RowStore, Snapshot
from diptych.read import folding
from diptych.read.plan import learn
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.read.random_projections import ModelPlan, codec, events, plans, projection_of
from tests.read.shop import record
from tests.row_stores import NEWEST_POSTGRES, row_store
from tests.sizes import size

CASES, ON_POSTGRES = size(250, full=10_000), size(25, full=1_000)
folding.PAGE = 2  # pages of fan-outs end in the middle of what they find


async def projected(unopened: RowStore, projection: Projection, log: EventReader, sizes: Sequence[int]) -> Snapshot:
    """Fold the log in batches of these sizes; a size of 0 stands for a restart, which remembers nothing."""
    async with unopened as rows, rows.writer() as writer, rows.reader() as reader:
        await writer.lease({"random": ""}, seconds=60)

        async def start(head: int) -> Projector:
            found = await writer.install([projection], {"random": ""}, log_id=UUID(int=1), head=head, mode="production")
            return Projector(projection, found["random"], writer, LiveProgress(), lineage=codec().lineage)

        async def fold(projector: Projector, limit: int) -> bool:
            criteria = Criteria.typed(*codec().stored_names(projection.types))
            page = await log.read(criteria, after=projector.position, limit=limit)
            await projector.advance(learn(codec(), page), page.through, now=0.0)
            assert not projector.stopped
            return page.complete

        projector, turn, complete = await start(0), 0, False
        while not complete:
            limit = sizes[turn % len(sizes)]
            turn += 1
            if limit == 0:
                projector = await start(projector.position)
            else:
                complete = await fold(projector, limit)
        return await reader.snapshot(projection)


async def compared(
    plan: list[ModelPlan], history: Sequence[Any], sizes: Sequence[int], store_of: Callable[[], RowStore]
) -> None:
    store = MemoryEventStore()
    for each in history:
        await record(store, each)

    in_batches = await projected(store_of(), projection_of(plan), store, [*sizes, 5])
    one_by_one = await projected(SqliteRowStore(None), projection_of(plan), store, [1])
    expected = await fold_log(projection_of(plan), store, codec(), until=len(history))

    assert in_batches.rows == one_by_one.rows == expected


@pytest.mark.fault
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans, st.lists(events, max_size=25), st.lists(st.integers(0, 9), max_size=4))
def test_a_batch_of_n_equals_n_batches_of_one(
    plan: list[ModelPlan], history: Sequence[Any], sizes: Sequence[int]
) -> None:
    asyncio.run(compared(plan, history, sizes, lambda: SqliteRowStore(None)))


@pytest.mark.fault
@pytest.mark.timeout(3600)
@settings(max_examples=ON_POSTGRES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans, history=st.lists(events, max_size=25), sizes=st.lists(st.integers(0, 9), max_size=4))
def test_rows_in_postgresql_equal_those_in_memory(
    request: pytest.FixtureRequest, plan: list[ModelPlan], history: Sequence[Any], sizes: Sequence[int]
) -> None:
    asyncio.run(compared(plan, history, sizes, lambda: row_store(request, NEWEST_POSTGRES)))
