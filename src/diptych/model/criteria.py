"""Criteria: which events of the log are meant, by type and by tag.

Follows the Dynamic Consistency Boundary specification (https://dcb.events/specification/), where it is called a query;
here a query is the message that reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


class Clause(msgspec.Struct, frozen=True, gc=False):
    """Match an event whose type is one of `types` and whose tags contain all of `tags`; empty means any.

    >>> Clause(types=("order.placed",), tags=("order:42",)).matches("order.placed", ("customer:7", "order:42"))
    True
    """

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def matches(self, name: str, tags: Iterable[str]) -> bool:
        """Say whether an event of this type with these tags is meant."""
        return (not self.types or name in self.types) and set(self.tags) <= set(tags)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Match an event that any of the clauses matches; without clauses, none.

    >>> everything = Criteria.all()
    >>> order = Criteria.tagged("order:42") | Criteria.typed("shop.closed")
    >>> order.matches("shop.closed", ()), everything.matches("x", ()), Criteria().matches("x", ())
    (True, True, False)
    """

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def all(cls) -> Criteria:
        """Return the criteria that match every event."""
        return cls((Clause(),))

    @classmethod
    def tagged(cls, *tags: str, types: Iterable[str] = ()) -> Criteria:
        """Return the criteria for events that carry all of the tags and are of one of the types."""
        return cls((Clause(tuple(types), tags),))

    @classmethod
    def typed(cls, *types: str) -> Criteria:
        """Return the criteria for events of one of the types."""
        return cls((Clause(types),))

    def __or__(self, other: Criteria) -> Criteria:
        return Criteria(self.clauses + tuple(each for each in other.clauses if each not in self.clauses))

    def matches(self, name: str, tags: Iterable[str]) -> bool:
        """Say whether any clause matches."""
        return any(clause.matches(name, tags) for clause in self.clauses)


class Guard(msgspec.Struct, frozen=True, gc=False):
    """Forbid an append when an event that the clause matches lies after this position.

    Each guard has its own `after`: it is the position up to which the decider knew the events of that clause.
    """

    clause: Clause
    after: int = 0


Condition = tuple[Guard, ...]
"""The condition of an append: it fails when any guard forbids it. The empty one always holds."""


def unless(criteria: Criteria, *, after: int = 0) -> Condition:
    """Return the condition of the specification: fail if an event matches, ignoring those up to `after`."""
    return tuple(Guard(clause, after) for clause in criteria.clauses)
