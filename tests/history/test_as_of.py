"""As of a position, rows and lists are what a cold fold of the log up to there makes, whatever the projection holds."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from diptych.history.folder import fold_log
from diptych.model.criteria import Criteria
from diptych.model.projections import Projection
from diptych.ports import RowReader, RowStore
from diptych.read.plan import learn
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector
from diptych.stores.history_tables import Chained
from diptych.stores.memory import MemoryEventStore
from diptych.stores.postgres import rows_versions
from diptych.stores.sqlite import rows_history
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.read.random_projections import ModelPlan, codec, events, plans, projection_of
from tests.read.shop import record
from tests.row_stores import NEWEST_POSTGRES, row_store
from tests.sizes import size

CASES, ON_POSTGRES = size(120, full=10_000), size(15, full=1_000)
KEYS = [(key,) for key in (*"abcdz", "even")]


def with_history(plan: list[ModelPlan]) -> Projection:
    return projection_of([ModelPlan(each.folds, each.rollups, history=True) for each in plan])


async def compared(plan: list[ModelPlan], history: Sequence[Any], batch: int, kept: RowStore | None = None) -> None:
    store, projection = MemoryEventStore(), with_history(plan)
    for each in history:
        await record(store, each)
    async with kept or SqliteRowStore(None) as rows, rows.writer() as writer, rows.reader() as reader:
        await writer.lease({"random": ""}, seconds=60)
        installed = await writer.install([projection], {"random": ""}, log_id=UUID(int=1), head=0, mode="production")
        lineage, complete = codec().lineage, False
        projector = Projector(projection, installed["random"], writer, LiveProgress(), lineage=lineage)
        criteria = Criteria.typed(*lineage.stored_names(projection.types))
        while not complete:
            page = await store.read(criteria, after=projector.position, limit=batch)
            await projector.advance(learn(codec(), page), page.through, now=0.0)
            complete = page.complete
        for position in range(len(history) + 1):
            expected = await fold_log(projection, store, codec(), until=position)
            assert await shown(rows, reader, projection, position) == expected


async def shown(rows: RowStore, reader: RowReader, projection: Projection, position: int) -> dict[str, Any]:
    """Every read model as of a position, by a list; and the same by keys."""
    tables = {}
    for model in projection.models:
        table = rows.table(model)
        found = (await reader.select([sa.select(table.c.key, table.c.group, table.c.value)], as_of=position))[0]
        tables[model.name] = {(each[0],): model.row(*each) for each in found}
        assert await reader.get(model, KEYS, as_of=position) == tables[model.name]
    return tables


@pytest.mark.fault
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans, st.lists(events, max_size=15), st.integers(1, 9))
def test_the_past_is_what_a_cold_fold_up_to_there_makes(
    plan: list[ModelPlan], history: Sequence[Any], batch: int
) -> None:
    asyncio.run(compared(plan, history, batch))


@pytest.mark.fault
@pytest.mark.timeout(3600)
@settings(max_examples=ON_POSTGRES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans, history=st.lists(events, max_size=15), batch=st.integers(1, 9))
def test_the_past_in_postgresql_is_what_a_cold_fold_up_to_there_makes(
    request: pytest.FixtureRequest, plan: list[ModelPlan], history: Sequence[Any], batch: int
) -> None:
    asyncio.run(compared(plan, history, batch, row_store(request, NEWEST_POSTGRES)))


@pytest.mark.fault
@pytest.mark.parametrize(("writing", "kind"), [(rows_history, "memory"), (rows_versions, NEWEST_POSTGRES)])
def test_a_version_that_is_never_closed_is_caught(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, writing: Any, kind: str
) -> None:
    chained = writing.chained
    monkeypatch.setattr(writing, "chained", lambda versions: Chained({}, chained(versions).rows))
    found = given(plans, st.lists(events, min_size=8, max_size=15), st.integers(1, 3))(
        lambda plan, log, batch: asyncio.run(compared(plan, log, batch, row_store(request, kind)))
    )

    with pytest.raises(AssertionError):
        settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])(found)()
