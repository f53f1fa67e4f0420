"""Appends that are simple go by functions of their own, which judge and write as those for all appends do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from uuid import UUID

import msgspec
import pytest

from diptych.model.criteria import Clause, Guard
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, Record, Recorded, StoredEvent
from diptych.stores.postgres import writer
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.hashes import id_of
from diptych.stores.postgres.simple import simple_arguments, simple_rows
from diptych.testing.contract.material import NOW, appending, event, everything, guard, record
from tests.clusters import Database
from tests.sizes import size

ROUNDS = size(80, full=2_000)
TYPES = ("thing.made", "thing.moved", "thing.lost")
TAGS = tuple(f"thing:{number}" for number in range(4))

Played = tuple[list[AppendOutcome], list[StoredEvent], list[Record | None]]


def opened(database: Database, schema: str) -> PostgresEventStore:
    """Return the unopened store of a schema."""
    return PostgresEventStore(Address.of(f"{database.url}?schema={schema}", schema="diptych"))


def drawn_record(draw: Random, known: list[Record]) -> Record:
    """Return the record of a command, which may be one that came before."""
    if known and draw.random() < 0.2:
        return draw.choice(known)
    number = len(known) | draw.choice((5, 7)) << 76 | 0b10 << 62
    known.append(msgspec.structs.replace(record(actor=draw.choice((None, "ann"))), id=UUID(int=number)))
    return known[-1]


def drawn(draw: Random, head: int, known: list[Record]) -> Append:
    """Return a simple append, whose condition may hold or not."""
    asked = Clause(tuple(draw.sample(TYPES, draw.randrange(3))), tuple(draw.sample(TAGS, draw.randrange(1, 3))))
    tags = draw.sample(TAGS, draw.randrange(3))
    written = event(draw.choice(TYPES), *tags, data=b"%d" % draw.randrange(100), version=draw.randrange(1, 3))
    condition = (Guard(asked, max(0, head - draw.randrange(4))),)
    return appending(written, condition=condition, record=drawn_record(draw, known), now=NOW + draw.randrange(1_000))


async def played(store: PostgresEventStore) -> Played:
    """Append in batches of one to eight; return the outcomes, all events and all records."""
    draw, known, outcomes = Random(7), list[Record](), list[AppendOutcome]()
    async with store:
        for _ in range(ROUNDS):
            head = await store.head()
            batch = [drawn(draw, head, known) for _ in range(draw.choice((1, 1, 2, 8)))]
            assert simple_rows(batch)
            outcomes += await asyncio.gather(*map(store.append, batch))
        return outcomes, await everything(store), [await store.record(each.id) for each in known]


async def test_what_is_simple_is_judged_and_written_like_everything_else(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = await played(opened(postgres, "simple"))
    monkeypatch.setattr(writer, "simple_arguments", lambda _: None)
    monkeypatch.setattr(writer, "simple_rows", lambda _: None)
    general = await played(opened(postgres, "general"))

    assert simple == general
    assert {type(each) for each in simple[0]} == {Appended, Conflicted, Recorded}


async def test_a_record_without_events_takes_its_id_in_an_empty_log(newest_postgres: Database) -> None:
    own = record()
    async with opened(newest_postgres, "diptych") as store:
        await store.append(appending(record=own))
        outcome = await store.append(appending(event("made", "seat:1"), condition=guard("seat:1"), record=own))

        assert isinstance(outcome, Recorded)
        assert await store.head() == 0


@pytest.mark.parametrize("many", [1, 2])
async def test_a_tag_whose_hash_another_has_is_in_nobodys_way(newest_postgres: Database, many: int) -> None:
    async with opened(newest_postgres, "diptych") as store:
        first = await store.append(appending(event("made", "seat:2"), record=record()))
        newest_postgres.sql(
            f"insert into diptych.event_tags (tag, position, type) values ({id_of('seat:1')}, 1, {id_of('made')})"  # noqa: S608 (ours)
        )
        seats = [
            appending(event("made", f"seat:{n}"), condition=guard(f"seat:{n}", types=("made",)), record=record())
            for n in (1, 3)
        ]

        outcomes = await asyncio.gather(*[store.append(each) for each in seats[:many]])

        assert first == Appended(1, 1, NOW)
        assert outcomes == [Appended(2, 2, NOW), Appended(3, 3, NOW)][:many]


@pytest.mark.parametrize(
    "append",
    [
        appending(event("made", "seat:1"), condition=guard("seat:1")),
        appending(event("made", "seat:1"), record=record()),
        appending(event("made", "seat:1"), condition=guard(types=("made",)), record=record()),
        appending(event("made", "seat:1"), condition=(*guard("seat:1"), *guard("seat:2")), record=record()),
        appending(event("made", "seat:1", "seat:2", "seat:3"), condition=guard("seat:1"), record=record()),
        appending(event("made"), event("moved"), condition=guard("seat:1"), record=record()),
        appending(condition=guard("seat:1"), record=record()),
    ],
)
def test_what_is_not_simple_goes_with_everything_else(append: Append) -> None:
    assert simple_arguments(append) is None
    assert simple_rows([append]) is None


def test_the_time_of_rows_never_falls() -> None:
    appends: Sequence[Append] = [
        appending(event("made", "seat:1"), condition=guard("seat:1"), record=record(), now=now) for now in (3, 1, 5, 4)
    ]

    rows = simple_rows(appends)

    assert rows is not None
    assert [row[0] for row in rows] == [3, 3, 5, 5]
