"""A position that is asked for is looked for in the right log."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from diptych.errors import ForeignLogError, PositionError
from diptych.model.messages import Query
from diptych.stores.memory import MemoryEventStore
from tests.read.shop import Created, GetProduct, ask, opened, record, shop


@dataclass(frozen=True)
class Ping(Query[str]):
    pass


async def pong(query: Ping) -> str:
    return "pong"


async def test_a_position_beyond_the_head_is_refused_by_a_query_without_rows_too() -> None:
    async with opened(MemoryEventStore(), [shop()], handlers=[pong]) as panel:
        assert await ask(panel, Ping()) == "pong"
        with pytest.raises(PositionError):
            await ask(panel, Ping(), after=1)


async def test_a_follower_refuses_rows_that_were_folded_from_another_log(tmp_path: Path) -> None:
    own, other = MemoryEventStore(), MemoryEventStore()
    await record(own, Created("a", "Apple", Decimal(1)))
    await record(other, Created("z", "Zucchini", Decimal(1)))
    async with opened(other, [shop()], path=tmp_path / "rows.db") as panel:
        await panel.caught_up(1)

    async with opened(own, [shop()], path=tmp_path / "rows.db", runs="follow") as panel:
        with pytest.raises(ForeignLogError):
            await ask(panel, GetProduct("z"))
