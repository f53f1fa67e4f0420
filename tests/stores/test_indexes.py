"""Declared indexes become SQLite's: the rows of a specification, its directions, and what they cover."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated
from uuid import UUID

import pytest

from diptych.model.indexes import Index
from diptych.model.marks import Scale
from diptych.model.projections import Projection
from diptych.model.specifications import fields
from diptych.stores.sqlite.rows_statements import writing_of


class Kind(Enum):
    BOOK = "book"
    PEN = "pen"


@dataclass(frozen=True)
class Item:
    id: int
    name: str
    kind: Kind
    price: Annotated[Decimal, Scale(2)]
    at: datetime
    owner: UUID | None = None


item = fields(Item)


def created(*indexes: Index) -> sqlite3.Connection:
    model = Projection("items").read_model(Item, key="id", indexes=indexes)
    connection = sqlite3.connect(":memory:")
    for statement in writing_of(model, 1).create:
        connection.execute(statement)
    return connection


def declared(*indexes: Index) -> list[str]:
    connection = created(*indexes)
    found = connection.execute("select sql from sqlite_master where type = 'index' and sql is not null").fetchall()
    connection.close()
    return [sql.partition(" ON ")[2] for (sql,) in found]


@pytest.mark.parametrize(
    ("index", "sql"),
    [
        (Index("-price", "name"), "item__g1 (price DESC, name, id)"),
        (Index("name", covering="at"), "item__g1 (name, id, at)"),
        (Index("name", "id", unique=True), "item__g1 (name, id)"),
        (Index("name", where=item.price > Decimal("0.125")), "item__g1 (name, id) WHERE price > 12"),
        (
            Index("name", where=item.kind.in_(Kind), covering="price"),
            "item__g1 (name, id, price, kind) WHERE kind IN ('book', 'pen')",
        ),
        (
            Index("name", where=item.name.starts_with("50%'s") & ~item.owner.is_none()),
            "item__g1 (name, id) WHERE name >= '50%''s' AND name < '50%''t' AND owner IS NOT NULL",
        ),
        (
            Index("name", where=item.at > datetime(2026, 1, 1, tzinfo=UTC)),
            "item__g1 (name, id) WHERE at > '2026-01-01 00:00:00.000000'",
        ),
        (
            Index("name", where=item.owner == UUID(int=1)),
            "item__g1 (name, id) WHERE owner = '00000000-0000-0000-0000-000000000001'",
        ),
    ],
)
def test_an_index_is_made_of_literals(index: Index, sql: str) -> None:
    assert declared(index) == [sql]


def test_two_indexes_of_the_same_columns_have_names_of_their_own() -> None:
    assert len(declared(Index("name"), Index("name", covering="at"), Index("name", where=item.price > 1))) == 3


def test_a_unique_index_holds_among_the_rows_of_its_specification() -> None:
    connection = created(Index("name", where=item.kind == Kind.BOOK, unique=True))
    put = "insert into item__g1 (id, name, kind, price, at) values (?, 'x', ?, 0, '')"
    connection.execute(put, (1, "pen"))
    connection.execute(put, (2, "pen"))
    connection.execute(put, (3, "book"))

    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(put, (4, "book"))
    connection.close()
