"""Watch what the readers of a row store run, and ask PostgreSQL which plans its indexes allow for that."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakSet

from diptych.ports.plans import Planned
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.rows_connections import connect_to_rows

_SPARED = ("seqscan", "sort", "hashagg", "hashjoin", "mergejoin", "material", "memoize")
_SETTINGS: Mapping[str, str] = {
    # A small table is read from end to end, and sorted, whatever its indexes: so what they spare is made dear.
    **{f"enable_{each}": "off" for each in _SPARED},
    "cpu_tuple_cost": "100",  # and an index that finds few rows better than a short one that is gone through
    "cpu_index_tuple_cost": "100",
    "plan_cache_mode": "force_custom_plan",
}
_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_PARAMETER = re.compile(r"\$(\d+)(?:::[A-Z]+(?: PRECISION| WITH TIME ZONE)?(?:\([\d, ]+\))?(?:\[\])?)?")
_TOGETHER = re.compile(r'array\(select "the row" from \((.*?)\) as "the row"\)', re.DOTALL)
_OF_ASYNCPG = ("pg_catalog", "current_setting('jit')")
_SORTS = ("Sort", "Incremental Sort", "Aggregate Hashed", "Aggregate Mixed", "SetOp Hashed")
_TOLD = ("Index Cond", "Recheck Cond", "Filter", "Sort Key", "Group Key")


Node = Mapping[str, Any]
"""A node of a plan, as JSON."""


class Ran(NamedTuple):
    """A statement that ran, with its arguments."""

    text: str
    arguments: tuple[Any, ...]


class PostgresWatch:
    """Keep the statements that ran on some connections."""

    def __init__(self, address: Address) -> None:
        self._address, self._ran = address, list[Ran]()

    def hear(self, told: Any) -> None:  # Any: asyncpg's LoggedQuery
        """Keep a statement, unless it is one of bookkeeping, which names our schema, or of asyncpg's own."""
        own = any(each in told.query for each in (f"{self._address.schema}.", *_OF_ASYNCPG))
        if _READS.match(told.query) and not own:
            self._ran.append(Ran(told.query, tuple(told.args)))

    async def plans(self) -> Sequence[Planned]:
        """Return what ran, each statement with the plan that the indexes allow."""
        await asyncio.sleep(0)  # asyncpg tells in the next turn of the loop
        if not self._ran:
            return ()
        connection = await connect_to_rows(self._address, "plans", _SETTINGS)
        try:
            return [planned for each in self._ran for planned in await _planned(connection, each)]
        finally:
            await close(connection)


class Watched:
    """Know the open connections of a store's readers, so that one watch at a time hears what they run."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connections: WeakSet[Connection] = WeakSet()
        self._watch: PostgresWatch | None = None

    def opened(self, connection: Connection) -> None:
        """Know one more connection."""
        self._connections.add(connection)
        if self._watch is not None:
            connection.add_query_logger(self._watch.hear)

    @contextlib.contextmanager
    def watching(self) -> Iterator[PostgresWatch]:
        """Hear every statement until the end."""
        watch = self._watch = PostgresWatch(self._address)
        for each in self._open():
            each.add_query_logger(watch.hear)
        try:
            yield watch
        finally:
            self._watch = None
            for each in self._open():
                each.remove_query_logger(watch.hear)

    def _open(self) -> Iterator[Connection]:
        return (each for each in list(self._connections) if not each.is_closed())


async def _planned(connection: Connection, ran: Ran) -> list[Planned]:
    """Return a statement with its plan; selects that ran together as one statement are told one by one."""
    told = await connection.fetchval(f"explain (format json, costs off) {ran.text}", *ran.arguments)
    root, shown = json.loads(told)[0]["Plan"], _shown(ran)
    parts, plans = _TOGETHER.findall(shown), root.get("Plans", ())
    if parts and len(parts) == len(plans):
        return [_told(part, _below_subquery(plan)) for part, plan in zip(parts, plans, strict=True)]
    return [_told(shown, root)]


def _told(statement: str, root: Node) -> Planned:
    nodes = list(_nodes(root))
    sorts = tuple(_step(each) for each in nodes if _kind(each).startswith(_SORTS))
    whole = tuple(each["Relation Name"] for each in nodes if _is_whole(each))
    stops = root["Node Type"] == "Limit" and not any(each["Node Type"] == "Sort" for each in nodes)
    return Planned(statement, tuple(map(_step, nodes)), whole, sorts, stops)


def _below_subquery(node: Node) -> Node:
    below: Node = node["Plans"][0] if node["Node Type"] == "Subquery Scan" else node
    return below


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def _is_whole(node: Node) -> bool:
    if "Relation Name" not in node:
        return False
    if node["Node Type"] == "Bitmap Heap Scan":
        return any("Index Cond" not in each for each in _nodes(node) if each["Node Type"] == "Bitmap Index Scan")
    return node["Node Type"] == "Seq Scan" or "Index Cond" not in node


def _kind(node: Node) -> str:
    return " ".join(filter(None, (node["Node Type"], node.get("Strategy"))))


def _step(node: Node) -> str:
    """Return a node as EXPLAIN tells it in a line of text."""
    using = f" using {node['Index Name']}" if "Index Name" in node else ""
    on = f" on {node['Relation Name']}" if "Relation Name" in node else ""
    details = (f" {name}: {node[name]}" for name in _TOLD if name in node)
    return f"{_kind(node)}{using}{on}{','.join(details)}"


def _shown(ran: Ran) -> str:
    """Return a statement with its values in it."""
    return _PARAMETER.sub(lambda found: _literal(ran.arguments[int(found[1]) - 1]), ran.text)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"
