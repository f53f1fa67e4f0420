"""Ids that are the same in every run."""

from __future__ import annotations

from uuid import UUID, uuid5


class SequentialIds:
    """Count: the ids 1, 2, 3 ... as UUIDs.

    >>> ids = SequentialIds()
    >>> ids.new().int, ids.new().int
    (1, 2)
    """

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def new(self) -> UUID:
        """Return the next id."""
        made = UUID(int=self._next)
        self._next += 1
        return made


COMMAND_ID = UUID(int=1)
"""The id of the command in a specification: `when` gives it to every command."""


def generated(field: str, command_id: UUID = COMMAND_ID) -> UUID:
    """Return what `send` fills into an absent Generated field of the command with this id.

    >>> generated("product") == generated("product") != generated("order")
    True
    """
    return uuid5(command_id, field)
