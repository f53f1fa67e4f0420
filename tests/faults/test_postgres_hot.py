"""Many that append to the same few tags in PostgreSQL, by clocks that go wrong: each is judged by all before it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from diptych.model.criteria import Clause, Criteria
from diptych.ports import Append, Appended
from diptych.stores.postgres import batch
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.testing.contract.material import NOW, appending, event, everything, guard
from tests.clusters import Database
from tests.sizes import size

TASKS, TAGS, STORES = 64, 3, 2
EACH = size(8, full=500)
HOUR = 3_600_000_000

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + EACH * 2)]

Property = Callable[[str, object], None]


async def counting(store: PostgresEventStore, tag: str, drawn: random.Random) -> int:
    """Count up so many times: read the last number, append the next one; return how often somebody was faster."""
    lost = 0
    for _ in range(EACH):
        while True:
            last = (await store.read(Criteria.tagged(tag), limit=1, backwards=True)).events
            number, after = (int(last[0].data), last[0].position) if last else (0, 0)
            counted = event("counted", tag, data=b"%d" % (number + 1))
            at = NOW + drawn.randrange(-HOUR, HOUR)
            if isinstance(await store.append(appending(counted, condition=guard(tag, after=after), now=at)), Appended):
                break
            lost += 1
    return lost


async def counted(database: Database) -> tuple[int, int]:
    """Count in two stores at once; return how many counts were lost, and how many were refused."""
    stores = [PostgresEventStore(Address.of(database.url, schema="diptych")) for _ in range(STORES)]
    async with stores[0], stores[1]:
        refused = await asyncio.gather(
            *[counting(stores[n % STORES], f"counter:{n % TAGS}", random.Random(n)) for n in range(TASKS)]
        )
        events = await everything(stores[0])
        times = [each.recorded_at for each in events]
        assert times == sorted(times), "the time of the log went back"
        bare = [await stores[1].read_bare(Clause(tags=(f"counter:{n}",)), limit=100_000) for n in range(TAGS)]
        assert sum(len(each.events) for each in bare) == len(events) == TASKS * EACH
        assert [position async for position in stores[0].verify()][-1] == len(events)
    reached = sum(max(int(each.data) for each in events if each.tags == (f"counter:{n}",)) for n in range(TAGS))
    return TASKS * EACH - reached, sum(refused)


async def test_64_tasks_that_count_on_3_tags_in_2_stores_lose_no_count(
    newest_postgres: Database, record_property: Property
) -> None:
    lost, refused = await counted(newest_postgres)

    assert lost == 0
    assert refused > 0, "nobody was in anybody's way, so nothing was shown"
    record_property("counts", TASKS * EACH)
    record_property("refused on the way", refused)


async def test_conditions_that_are_not_sent_are_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: Sequence[Append]) -> tuple[list[Any], ...]:
        return ([],) * 5

    monkeypatch.setattr(batch, "_guards", none)  # the planted bug

    lost, _ = await counted(newest_postgres)

    assert lost > 0
