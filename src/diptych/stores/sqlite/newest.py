"""What the writer remembers of the log: ids of tags, and where each (tag, type) was last seen. Bounded, and exact."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from diptych.stores.sqlite.connection import sql

_TAGS = 30_000
_PAIRS = 60_000
_SHIFT = 20  # a key of the map: tag id << 20 | type id; type 0 stands for all types

AnyType: tuple[int, ...] = (0,)


class TagIds:
    """Know the ids of tags used lately; look the others up. New tags wait in `fresh` until they are inserted."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._select = sql("log_select_tag")
        self._last: int = connection.execute(sql("log_select_last_tag")).fetchone()[0]
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self.fresh: dict[str, int] = {}

    def find(self, tag: str) -> int:
        """Return the tag's id, or 0: no event carries it."""
        found = self._young.get(tag)
        if found is None:
            found = self._old.get(tag)
            if found is None:
                row = self._connection.execute(self._select, (tag,)).fetchone()
                found = row[0] if row else 0
            self._young[tag] = found
        return found

    def make(self, tag: str) -> int:
        """Return the tag's id, giving it one where it has none."""
        found = self.find(tag)
        if not found:
            self._last = found = self._last + 1
            self._young[tag] = self.fresh[tag] = found
        return found

    def settle(self) -> None:
        """Forget what was not used lately; `fresh` was inserted."""
        self.fresh.clear()
        if len(self._young) > _TAGS:
            self._young, self._old = {}, self._young


class Newest:
    """Know the last position of each (tag id, type id): a guard that no such event lies after is answered from memory.

    The map holds every pair that was seen beyond `_floor`. When the young half is full it becomes the old half, and
    what the old half held is forgotten: the floor rises. Pairs of the running batch are kept until `settle`.
    """

    def __init__(self, connection: sqlite3.Connection, head: int) -> None:
        self._connection = connection
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._floor = self._young_since = head
        self._types: dict[int, int] = {}
        self._of_pair = sql("log_newest_of_tag_and_type")
        self._of_tag = sql("log_newest_of_tag")
        self._of_type = sql("log_newest_of_type")

    def seen(self, tag: int, type_id: int, position: int) -> None:
        """Note an event that is being appended, under one of its tags."""
        young = self._young
        young[tag << _SHIFT] = young[tag << _SHIFT | type_id] = position

    def seen_type(self, type_id: int, position: int) -> None:
        """Note an event that is being appended."""
        self._types[type_id] = position

    def of_tag(self, tag: int, types: Sequence[int], after: int) -> int:
        """Return a position after `after` where the tag stands on an event of one of the types; 0 for none."""
        key = tag << _SHIFT
        newest = self._young.get(key)
        if newest is not None and newest <= after:
            return 0
        for type_id in types:
            newest = self._young.get(key | type_id)
            if newest is None:
                newest = self._remembered(key, type_id, after)
            if newest > after:
                return newest
        return 0

    def of_type(self, types: Sequence[int], after: int) -> int:
        """Return a position after `after` of an event of one of the types; 0 for none."""
        for type_id in types:
            newest = self._types.get(type_id)
            if newest is None:
                newest = self._types[type_id] = self._ask(self._of_type, type_id)
            if newest > after:
                return newest
        return 0

    def settle(self, head: int) -> None:
        """Forget what was not seen lately; everything up to `head` is committed."""
        if len(self._young) > _PAIRS:
            self._young, self._old = {}, self._young
            self._floor, self._young_since = self._young_since, head

    def _remembered(self, key: int, type_id: int, after: int) -> int:
        newest = self._old.get(key | type_id)
        if newest is None:
            if after >= self._floor:
                return 0  # were there one after the floor, it would be known
            tag = key >> _SHIFT
            newest = self._ask(self._of_pair, tag, type_id) if type_id else self._ask(self._of_tag, tag)
        self._young[key | type_id] = newest
        return newest

    def _ask(self, statement: str, *bound: int) -> int:
        found: int = self._connection.execute(statement, bound).fetchone()[0]
        return found
