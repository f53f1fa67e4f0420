"""What units of work hear of their sessions and connections, whatever database is beneath."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

UNIT = "diptych_unit"
"""Where a connection's options and a session's info name their unit."""

ENDED = "the unit of work has ended; its session cannot be used any more"
NO_COMMIT = "a unit of work commits when its handler returns; leave session.commit() out"
ROLLED_BACK = (
    "the session of the unit of work was rolled back, and with it everything before; "
    "let the error out, or write what may fail within `async with work.session.begin_nested()`"
)

_NOTHING = re.compile(r"\A(?:[\s;]|--[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
"""What databases pass over before a statement."""


class UnitSession(Session):
    """Be the session of a unit: a class of its own, so that its listeners hear of no other."""


class Watched(Protocol):
    """Be a unit that hears what its session does."""

    def before_statement(self, connection: sa.Connection, statement: str, context: ExecutionContext) -> None:
        """Hear of a statement before it is sent; raise what refuses it."""
        ...

    def before_flush(self, session: Session) -> None:
        """Hear of a flush before it writes; raise what refuses it."""
        ...

    def committing(self) -> None:
        """Hear of a commit before it is sent; raise what refuses it."""
        ...

    def rolling_back(self) -> None:
        """Hear that all is rolled back."""
        ...


def watch(engine: AsyncEngine) -> None:
    """Let the units whose connections an engine makes hear of their statements, commits and rollbacks."""
    event.listen(engine.sync_engine, "before_cursor_execute", _before_statement)
    event.listen(engine.sync_engine, "commit", _committing)
    event.listen(engine.sync_engine, "rollback", _rolling_back)


def session_of(unit: Watched, engine: AsyncEngine, kind: type[Session] = UnitSession) -> AsyncSession:
    """Return the session of a unit; both go by one connection, which the session gives back when it is closed."""
    bound = engine.execution_options(**{UNIT: unit})
    return AsyncSession(
        bound, sync_session_class=kind, expire_on_commit=False, close_resets_only=False, info={UNIT: unit}
    )


def first_words(statement: str) -> Sequence[str]:
    """Return the first two words of a statement in lower case, whatever comments stand before them."""
    return [each.lower().rstrip(";") for each in _NOTHING.sub("", statement, count=1).split(None, 2)[:2]]


def ends_transaction(words: Sequence[str]) -> bool:
    """Say whether a statement of these first words rolls more back than a savepoint."""
    return words[:1] == ["rollback"] and words[1:2] != ["to"]


def locks_rows(context: ExecutionContext) -> bool:
    """Say whether a statement is a select with `with_for_update()`."""
    # It has no public name.
    return getattr(getattr(context, "invoked_statement", None), "_for_update_arg", None) is not None


def _unit(connection: sa.Connection) -> Watched:
    unit: Watched = connection.get_execution_options()[UNIT]
    return unit


def _before_statement(
    connection: sa.Connection,
    _cursor: Any,
    statement: str,
    _values: Any,
    context: ExecutionContext,
    _many: bool,  # noqa: FBT001 (SQLAlchemy's signature)
) -> None:
    _unit(connection).before_statement(connection, statement, context)


def _committing(connection: sa.Connection) -> None:
    _unit(connection).committing()


def _rolling_back(connection: sa.Connection) -> None:
    _unit(connection).rolling_back()


def _before_flush(session: Session, _context: object, _instances: object) -> None:
    unit: Watched = session.info[UNIT]
    unit.before_flush(session)


event.listen(UnitSession, "before_flush", _before_flush)
