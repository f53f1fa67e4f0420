"""Pages of one shape share their statements, and never their values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from diptych.model.messages import Query
from diptych.model.pages import Page
from diptych.model.specifications import fields
from diptych.read.rows import Rows
from diptych.read.shapes import Shapes
from diptych.stores.memory import MemoryEventStore
from diptych.stores.tables import table_of
from tests.read.shop import Created, Product, ask, opened, record, shop

PRODUCT = fields(Product)


@dataclass(frozen=True)
class Find(Query[Page[Product]]):
    equals: dict[str, Any]
    dearer: Decimal | None = None
    order: tuple[str, ...] = ()
    limit: int = 50


async def find(query: Find, rows: Rows[Product]) -> Page[Product]:
    where = [] if query.dearer is None else [PRODUCT.price > query.dearer]
    return await rows.find(*where, order=query.order, limit=query.limit, **query.equals)


async def test_pages_of_one_shape_have_the_values_of_their_own() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], handlers=[find]) as panel:
        made = [Created("a", "Apple", Decimal(1)), Created("b", "Birne", Decimal(1)), Created("c", "Apple", Decimal(2))]
        position = await record(store, *made)

        async def codes(query: Find) -> list[str]:
            return [row.code for row in await ask(panel, query, after=position)]

        assert await codes(Find({"name": "Apple"})) == ["a", "c"]
        assert await codes(Find({"name": "Birne"})) == ["b"]
        assert await codes(Find({"name": "Apple", "price": Decimal(2)})) == ["c"]
        assert await codes(Find({"name": "Apple"}, order=("-price",), limit=1)) == ["c"]
        assert await codes(Find({"name": "Apple"}, order=("price",), limit=1)) == ["a"]
        assert await codes(Find({"changed": None})) == []
        assert await codes(Find({"name": "Apple"}, Decimal(1))) == ["c"]
        assert await codes(Find({"name": "Apple"}, Decimal("0.5"))) == ["a", "c"]
        assert await codes(Find({"name": "Birne"}, Decimal("0.5"))) == ["b"]


async def test_a_column_that_is_not_there_is_refused() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], handlers=[find]) as panel:
        with pytest.raises(TypeError, match="has no column 'colour'"):
            await ask(panel, Find({"colour": "red"}))


def test_orders_that_callers_make_up_do_not_fill_the_memory() -> None:
    model = shop().models[0]
    table = table_of(model)
    shapes = Shapes(
        model, table, ["code"], lambda _, equals: [table.c[name] == value for name, value in equals.items()]
    )

    for number in range(1000):
        shapes.of((), {"name": "Apple"}, ["price", *["code"] * number][:number])

    assert len(shapes._kept) <= 200
