"""Both write models record the same events for the same commands: that is why no read model notices which one did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diptych import Application
from diptych.model.criteria import Criteria
from diptych.testing import FixedClock, SequentialIds
from orders.app import build
from orders.clerk import WORK, Clerk
from orders.place import Place
from orders.queries.orders import SearchOrders
from orders.settings import OrderSettings, WriteModel
from tests.clusters import NEWEST, Cluster


async def told(data: Place, write: WriteModel) -> tuple[list[Any], Any]:
    """Return what a week at the counter records, event by event, and the orders that are shown after it."""
    async with build(data, OrderSettings(write), clock=FixedClock(), ids=SequentialIds()) as application:
        clerk = Clerk(application)
        ada, grace = await clerk.customer("Ada"), await clerk.customer("Grace")
        mug, novel = await clerk.product("mug", "kitchen", "2.50"), await clerk.product("novel", "books", "0.99")
        first = await clerk.placed(ada, {mug: 3, novel: 7}, "paid")
        second = await clerk.draft(grace, {novel: 1})
        for result in (
            await clerk.orders.redirect(second, WORK),
            await clerk.orders.add_item(second, mug, 2),
            await clerk.on_behalf_of(grace).place(second),
            await clerk.orders.invoice(first),
            await clerk.orders.invoice(second),
            await clerk.orders.update_status(second, "cancelled", "too late"),
        ):
            result.unwrap()
        await application.caught_up()
        shown = await application.ask(SearchOrders(sort="total"), principal="staff")
        return await _log_of(application), shown


async def _log_of(application: Application) -> list[Any]:
    stored = await application.store.read(Criteria.all())
    return [(each.position, each.name, each.version, each.tags, each.data) for each in stored.events]


async def test_both_write_models_record_the_same_events_and_show_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    sourced, rows = await told(tmp_path_factory.mktemp("sourced"), "sourced")
    normalised, same_rows = await told(tmp_path_factory.mktemp("normalised"), "normalised")

    assert len(sourced) == 17
    assert normalised == sourced
    assert same_rows == rows


@pytest.mark.parametrize("write", ["sourced", "normalised"])
async def test_the_same_is_recorded_and_shown_in_files_and_in_postgres(
    write: WriteModel, tmp_path_factory: pytest.TempPathFactory, cluster_of: Callable[[str], Cluster]
) -> None:
    in_files = await told(tmp_path_factory.mktemp("files"), write)
    in_postgres = await told(cluster_of(NEWEST).database().url, write)

    assert in_postgres == in_files
