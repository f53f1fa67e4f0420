"""Rows of units of work that others changed meanwhile, where the unit changes them by what they belong to."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from diptych.errors import StaleRowError
from diptych.ports import Appended
from diptych.testing.contract.material import appending, event
from tests.clusters import NEWEST
from tests.stores.unit_stores import LONG, ClusterOf, UnitStore, holds, opened


class Nursery(DeclarativeBase):
    pass


class Parent(Nursery):
    __tablename__ = "parents"

    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(default="")
    children: Mapped[list[Child]] = relationship(lazy="selectin", cascade="all, delete-orphan")
    toys: Mapped[list[Toy]] = relationship(lazy="selectin")


class Child(Nursery):
    __tablename__ = "children"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[int] = mapped_column(sa.ForeignKey("parents.id"))
    name: Mapped[str] = mapped_column(default="")


class Toy(Nursery):
    __tablename__ = "toys"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[int | None] = mapped_column(sa.ForeignKey("parents.id"))


@pytest.fixture(params=["sqlite", NEWEST])
async def store(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> AsyncIterator[UnitStore]:
    async with opened(request.param, [Nursery.metadata], tmp_path, cluster_of) as store:
        async with store.unit(limit=LONG) as unit:
            unit.session.add_all([Parent(id=1, children=[Child(id=1), Child(id=2)], toys=[Toy(id=1)]), Parent(id=2)])
            assert isinstance(await unit.append(appending()), Appended)
        yield store


async def meanwhile(store: UnitStore, statement: str) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text(statement))
        assert isinstance(await unit.append(appending()), Appended)


async def test_an_orphan_that_somebody_changed_is_not_deleted(store: UnitStore) -> None:
    with pytest.raises(StaleRowError, match="Child"):
        async with store.unit(limit=LONG) as unit:
            parent = await unit.session.get_one(Parent, 1)
            await meanwhile(store, "update children set name = 'ada' where id = 1")
            parent.children.pop(0)
            await unit.append(appending(event()))


async def test_a_row_that_somebody_moved_is_not_cut_off(store: UnitStore) -> None:
    with pytest.raises(StaleRowError, match="Toy"):
        async with store.unit(limit=LONG) as unit:
            parent = await unit.session.get_one(Parent, 1)
            await meanwhile(store, "update toys set parent = 2 where id = 1")
            parent.toys.clear()
            await unit.append(appending(event()))


async def test_a_row_that_somebody_moved_is_not_taken(store: UnitStore) -> None:
    with pytest.raises(StaleRowError, match="Toy"):
        async with store.unit(limit=LONG) as unit:
            parent = await unit.session.get_one(Parent, 2)
            toy = await unit.session.get_one(Toy, 1)
            await meanwhile(store, "update toys set parent = null where id = 1")
            parent.toys.append(toy)
            await unit.append(appending(event()))


async def test_what_belongs_to_a_row_and_stays_there_is_not_compared(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        parent = await unit.session.get_one(Parent, 1)
        await meanwhile(store, "update children set name = 'ada' where id = 1")
        parent.note = "well"
        parent.children.append(Child(id=3))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_begin_after_a_flush_compares_what_the_flush_did_not(store: UnitStore) -> None:
    with pytest.raises(StaleRowError, match="Parent"):
        async with store.unit(limit=LONG) as unit:
            toy = await unit.session.get_one(Toy, 1)
            parent = await unit.session.get_one(Parent, 2)
            await meanwhile(store, "update parents set note = 'ill' where id = 2")
            toy.parent = None
            await unit.session.flush()
            assert parent.note == ""
            await unit.begin()


async def test_everyone_who_begins_at_once_has_the_turn_afterwards(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:

        async def begin() -> bool:
            await unit.begin()
            return holds(unit)

        assert await asyncio.gather(begin(), begin()) == [True, True]


async def test_a_savepoint_may_be_the_first_that_needs_the_turn(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        with pytest.raises(IntegrityError):
            async with unit.session.begin_nested():
                unit.session.add(Parent(id=1))
        async with unit.session.begin_nested():
            unit.session.add(Parent(id=3))
        assert isinstance(await unit.append(appending(event())), Appended)

    async with store.unit(limit=LONG) as unit:
        assert (await unit.session.get_one(Parent, 3)).note == ""


async def test_begin_may_stand_within_a_savepoint(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        async with unit.session.begin_nested():
            await unit.begin()
            unit.session.add(Parent(id=3))
        assert isinstance(await unit.append(appending(event())), Appended)
