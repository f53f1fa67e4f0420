"""Saves: rows, change feed and checkpoint in one statement, and so in one round trip and one transaction.

The checkpoint moves first, compared with where it stood; every other part writes only if it did. All parts see what
was there before the statement, so that none may depend on what another one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from diptych.codec import encode
from diptych.ports import Changes, Checkpoint
from diptych.stores.postgres.rows_dialect import DIALECT
from diptych.stores.postgres.rows_moves import Condition, Move
from diptych.stores.postgres.rows_sent import packing, sent_rows

LARGEST = 1_000_000_000
"""How many bytes of rows are saved at once: a message to PostgreSQL has less than a GiB."""
_KEPT, _WIDEST = 500, 4
_CHECKPOINT = sa.table(
    "diptych_checkpoint",
    *(sa.column(name, sa.Text()) for name in ("projection", "error")),
    *(sa.column(name, sa.BigInteger()) for name in ("position", "epoch", "target")),
)
_MODEL = sa.table("diptych_model", sa.column("name", sa.Text()), sa.column("changed", sa.BigInteger()))
_FEED = sa.table(
    "diptych_feed", sa.column("position", sa.BigInteger()), sa.column("model", sa.Text()), sa.column("key", sa.Text())
)
_FED, _CHANGED = (sa.BigInteger(), sa.Text(), sa.Text()), (sa.Text(), sa.BigInteger())
_pack_fed, _pack_changed = packing(len(_FED)), packing(len(_CHANGED))


class Chosen(NamedTuple):
    """A move that has something to do, with its rows; `at` is which of the changes it belongs to."""

    at: int
    model: str
    move: Move
    rows: str


class Statement(NamedTuple):
    """A save as text, and the names of its parameters in their order."""

    text: str
    names: tuple[str, ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of this time."""
        return [values[name] for name in self.names]


class Saves:
    """Compile the statement of a save once for each set of moves, and tell its arguments."""

    def __init__(self) -> None:
        self._kept: dict[Any, Statement] = {}

    def clear(self) -> None:
        """Forget all: the tables changed."""
        self._kept.clear()

    def prepared(
        self, old: Checkpoint, new: Checkpoint, chosen: Sequence[Chosen], fed: Sequence[Changes]
    ) -> tuple[str, list[Any]]:
        """Return the statement that moves a checkpoint and makes these moves, and its arguments.

        `fed` are the changes that belong into the feed. The statement returns whether the checkpoint moved. Raises
        ValueError for more than a message to PostgreSQL holds: fewer events may be saved at a time.
        """
        shape = (*((each.at, each.model, each.move.name) for each in chosen), bool(fed))
        statement = self._kept.get(shape)
        if statement is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            statement = self._kept[shape] = _compiled(chosen, feed=bool(fed))
        values = {**_moving(old, new), **(_feeding(fed) if fed else {})}
        values.update((_prefix(each), each.rows) for each in chosen)
        _refuse_vast([each.rows for each in chosen])
        return statement.text, statement.arguments(values)


def _refuse_vast(texts: Sequence[str]) -> None:
    """Refuse what the server would end the connection for, however often it is tried."""
    if sum(map(len, texts)) * _WIDEST <= LARGEST:
        return
    size = sum(len(text.encode()) for text in texts)
    if size > LARGEST:
        raise ValueError(
            f"the rows that are to be saved at once take {size:,} bytes, and PostgreSQL takes {LARGEST:,}: let an "
            "event change fewer rows, or smaller ones"
        )


def _compiled(chosen: Sequence[Chosen], *, feed: bool) -> Statement:
    moved = _moved()
    fence = sa.exists(sa.select(sa.literal_column("1")).select_from(moved))
    parts: list[Any] = []
    before: tuple[int, Any] = (-1, None)
    for each in chosen:
        condition = fence if before[0] != each.at else sa.and_(fence, _after(before[1]))
        part = _part(each, condition)
        before = (each.at, part)
        parts.append(part)
    if feed:
        parts += _fed_parts(fence)
    whole = sa.select(sa.func.count()).select_from(moved).add_cte(*parts)
    compiled: Any = whole.compile(dialect=DIALECT)
    return Statement(str(compiled), tuple(compiled.positiontup))


def _part(each: Chosen, condition: Condition) -> Any:
    prefix = _prefix(each)
    writes = each.move.statement(sent_rows(prefix, each.move.columns()), condition)
    return writes.returning(sa.literal_column("1")).cte(f"do_{prefix}")


def _prefix(each: Chosen) -> str:
    return f"m{each.at}_{each.move.name}"


def _after(part: Any) -> Condition:
    """Return a condition that always holds, once another part has run."""
    return sa.select(sa.func.count()).select_from(part).scalar_subquery() >= sa.literal_column("0")


def _moved() -> Any:
    at = _CHECKPOINT.c
    where = (
        at.projection == sa.bindparam("projection"),
        at.position == sa.bindparam("from_position"),
        at.epoch == sa.bindparam("from_epoch"),
    )
    to: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in ("position", "target", "error")}
    return sa.update(_CHECKPOINT).where(*where).values(to).returning(sa.literal_column("1")).cte("moved")


def _moving(old: Checkpoint, new: Checkpoint) -> dict[str, Any]:
    return {
        "projection": old.projection,
        "from_position": old.position,
        "from_epoch": old.epoch,
        "to_position": new.position,
        "to_target": new.target,
        "to_error": new.error,
    }


def _fed_parts(fence: Condition) -> list[Any]:
    rows, news = sent_rows("fed", _FED), sent_rows("changed", _CHANGED)
    names = [column.name for column in _FEED.c]
    fed = sa.insert(_FEED).from_select(names, sa.select(rows).where(fence))
    told = sa.update(_MODEL).where(_MODEL.c.name == news.c.c0, fence).values(changed=news.c.c1)
    return [each.returning(sa.literal_column("1")).cte(name) for each, name in ((fed, "do_feed"), (told, "do_tell"))]


def _feeding(fed: Sequence[Changes]) -> dict[str, Any]:
    keys = [(at, each.model.name, encode(key).decode()) for each in fed for key, at in each.positions.items()]
    last = [(each.model.name, max(each.positions.values())) for each in fed]
    return {"fed": _pack_fed(keys), "changed": _pack_changed(last)}
