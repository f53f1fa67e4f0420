"""The log's reading statements: fragments of `sql/` put together once for each shape of criteria.

Only the number of placeholders and the direction vary; values are always bound.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeVar

from diptych.stores.sqlite.connection import sql

T = TypeVar("T", int, str)
Columns = Literal["log_event_columns", "log_bare_columns"]
"""What is read of an event: all of it, or what a fold takes that asks for no Meta."""

FOREVER = (1 << 63) - 1
_TAGS = 6  # the number of the first tag among what is bound to `merged`


def tagged(types: int, tags: int, *, backwards: bool, columns: Columns = "log_event_columns") -> str:
    """Return the page of events that carry some tags; bind (tag, *type names, *other tags, after, until, limit)."""
    return _tagged(_padded(types), tags, backwards, columns)


def tagged_few(types: int, tags: int, columns: Columns = "log_event_columns") -> str:
    """Return the same page in no order: right when it holds fewer than the limit, and several times as fast.

    SQLite's sorter costs 25 us before its first row. Of few types, `merged` is faster still.
    """
    return _tagged_few(_padded(types), tags, columns)


def merged(ids: int, tags: int, *, backwards: bool, columns: Columns = "log_event_columns") -> str:
    """Return the same page, merged of runs of one type each, so that nothing is sorted, however long they are.

    Bind (a position beyond all others in this order, the last type id that is known, after, until, limit, *tags, *type
    ids). Where there is a later type, that position comes first, without an event: what is asked for may have events of
    a type that the caller does not know yet.
    """
    return _merged(ids, tags, backwards, columns)


def counted_tagged(types: int, tags: int) -> str:
    """Return the count of events that carry some tags; bound as `tagged`, without a limit."""
    return _counting("log_count_tagged", _padded(types), tags)


def positions_tagged(types: int, tags: int) -> str:
    """Return the positions of events that carry some tags, in no order; bound as `tagged`, without a limit."""
    return _counting("log_positions_tagged", _padded(types), tags)


def typed(ids: int, *, backwards: bool) -> str:
    """Return the page of events of a few types, by the index; bind (id, after, until) for each, then limit."""
    return _typed(ids, backwards)


def log(ids: int, *, backwards: bool) -> str:
    """Return the page of all events or, filtered while scanning, of many types; bind (after, until, *ids, limit)."""
    return _log(_padded(ids), backwards)


def newest_of_tags(ids: int, tags: int) -> str:
    """Return the last position that carries all the tags; bind (tag id, *type ids, after, *other tag ids)."""
    return _newest_of_tags(_padded(ids), tags)


def padded(values: tuple[T, ...]) -> tuple[T, ...]:
    """Repeat the last value up to a power of two, so that few statements serve every number of types."""
    return values + values[-1:] * (_padded(len(values)) - len(values))


def _padded(count: int) -> int:
    return 1 << (count - 1).bit_length() if count else 0


@lru_cache(maxsize=256)
def _tagged(types: int, tags: int, backwards: bool, columns: Columns) -> str:  # noqa: FBT001 (part of the cache's key)
    return sql("log_read_tagged").format(order=_order(backwards), **_tagged_fragments(types, tags, columns))


@lru_cache(maxsize=256)
def _tagged_few(types: int, tags: int, columns: Columns) -> str:
    return sql("log_read_tagged_few").format(**_tagged_fragments(types, tags, columns))


@lru_cache(maxsize=256)
def _merged(ids: int, tags: int, backwards: bool, columns: Columns) -> str:  # noqa: FBT001 (part of the cache's key)
    nulls = ", ".join(["null"] * (1 + sql(columns).count(",\n")))  # one for each of them
    others = " ".join(sql("log_and_other_tag_named").replace("?", f"?{_TAGS + at}") for at in range(1, tags))
    numbered = {"columns": sql(columns), "others": others}
    types = [f"?{_TAGS + tags + at}" for at in range(ids)]
    arms = " union all ".join(sql("log_tagged_of_type").format(type=each, **numbered) for each in types)
    return sql("log_read_merged").format(nulls=nulls, arms=arms, order=_order(backwards))


@lru_cache(maxsize=256)
def _counting(name: str, types: int, tags: int) -> str:
    fragments = _tagged_fragments(types, tags)
    return sql(name).format(types=fragments["types"], others=fragments["others"])


def _tagged_fragments(types: int, tags: int, columns: Columns = "log_event_columns") -> dict[str, str]:
    return {
        "columns": sql(columns),
        "types": sql("log_and_type_named").format(names=_marks(types)) if types else "",
        "others": " ".join([sql("log_and_other_tag_named")] * (tags - 1)),
    }


@lru_cache(maxsize=256)
def _typed(ids: int, backwards: bool) -> str:  # noqa: FBT001 (part of the cache's key)
    arms = " union all ".join([sql("log_positions_of_type")] * ids)
    return sql("log_read_typed").format(columns=sql("log_event_columns"), arms=arms, order=_order(backwards))


@lru_cache(maxsize=256)
def _log(ids: int, backwards: bool) -> str:  # noqa: FBT001 (part of the cache's key)
    # `+type`: the index on types is slower than the scan as soon as the types are more than a few.
    types = f"and +e.type in ({_marks(ids)})" if ids else ""
    return sql("log_read_log").format(columns=sql("log_event_columns"), types=types, order=_order(backwards))


@lru_cache(maxsize=256)
def _newest_of_tags(ids: int, tags: int) -> str:
    types = f"and t.type in ({_marks(ids)})" if ids else ""
    return sql("log_newest_of_tags").format(types=types, others=" ".join([sql("log_and_other_tag")] * (tags - 1)))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _order(backwards: bool) -> str:  # noqa: FBT001 (one of two words)
    return "desc" if backwards else "asc"
