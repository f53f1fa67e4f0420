"""An audit trail in PostgreSQL whose connection is cut at the commit: every attempt is in the trail, and once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from diptych.errors import StoreError
from diptych.ports import NEWEST as LAST
from diptych.ports import Attempt, Wanted
from diptych.stores.postgres import link
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.audit import PostgresAuditTrail
from tests.clusters import Database
from tests.faults.wires import Wire
from tests.sizes import size

BATCHES = size(40, full=2000)
TASKS = 4

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + BATCHES)]

Property = Callable[[str, object], None]


def batch(number: int) -> list[Attempt]:
    """Return three attempts that no other batch has."""
    ids = [UUID(int=number * 3 + each) for each in range(3)]
    return [Attempt(each, "Pay", "refused", each.int, 5, "ann", "no") for each in ids]


async def noted(database: Database, seed: int) -> tuple[Counter[UUID], Wire]:
    """Note batches over a wire that is cut at two of three commits, each again until it is stored; count them."""
    drawn = random.Random(seed)
    async with Wire(database.cluster.port, lambda: drawn.choice(("pass", "before", "after"))) as wire:
        url = database.url.replace(f":{database.cluster.port}/", f":{wire.port}/")
        async with PostgresAuditTrail(Address.of(url, schema="diptych")) as trail:
            await trail.figures()
            wire.is_cutting = True
            numbers = iter(range(BATCHES))
            await asyncio.gather(*[_noting(trail, numbers) for _ in range(TASKS)])
            wire.is_cutting = False
            found = await trail.attempts(Wanted(), outcome=None, before=(LAST, LAST), limit=10 * BATCHES)
    return Counter(each.attempt.id for each in found), wire


async def _noting(trail: PostgresAuditTrail, numbers: Iterator[int]) -> None:
    for number in numbers:
        is_stored = False
        while not is_stored:
            try:
                await trail.add(batch(number), dropped=0, keep=LAST, since=0)
                is_stored = True
            except StoreError:
                continue


async def test_every_attempt_is_in_the_trail_once_though_commits_are_cut(
    newest_postgres: Database, record_property: Property
) -> None:
    found, wire = await noted(newest_postgres, 1)

    assert found == Counter(each.id for number in range(BATCHES) for each in batch(number))
    assert min(wire.fates["before"], wire.fates["after"]) >= BATCHES // 4
    record_property("commits cut", wire.fates["before"] + wire.fates["after"])


async def test_a_lost_commit_that_is_taken_for_none_is_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant a bug: nobody asks what became of the transaction, and the batch is sent again."""

    async def nothing(*_: object) -> bool:
        return False

    monkeypatch.setattr(link, "was_committed", nothing)

    found, _ = await noted(newest_postgres, 2)

    assert max(found.values()) > 1
