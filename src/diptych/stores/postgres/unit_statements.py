"""Statements of units of work: which of the user's only read, which are refused, and those of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ExecutionContext

from diptych.stores.postgres.statements import sql
from diptych.stores.unit_events import ends_transaction

_OURS = "diptych_own"
_CONTROLS = frozenset(("begin", "start", "commit", "end", "abort", "prepare", "reset", "discard", "listen"))
_STEPS = frozenset(("savepoint", "release", "rollback"))
_READS = frozenset(("select", "with", "values", "table", "show", "explain"))
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|share)\b", re.IGNORECASE)  # `for update` and `for share` too
_LOCAL = frozenset(("local", "constraints"))


@lru_cache(maxsize=64)
def own(name: str, schema: str) -> sa.TextClause:
    """Return a statement of ours, which no unit looks at."""
    return sa.text(sql(name, schema)).execution_options(**{_OURS: True})


def is_own(context: ExecutionContext) -> bool:
    """Say whether a statement is ours."""
    return _OURS in context.execution_options


def controls(words: Sequence[str]) -> bool:
    """Say whether a statement of these first words would end the transaction, or outlive it."""
    word, after = words[0] if words else "", words[1] if len(words) > 1 else ""
    return word in _CONTROLS or ends_transaction(words) or (word == "set" and after not in _LOCAL)


def is_step(words: Sequence[str]) -> bool:
    """Say whether a statement makes a savepoint, or goes back to one: it writes nothing."""
    return bool(words) and words[0] in _STEPS


def may_write(words: Sequence[str], statement: str) -> bool:
    """Say whether a statement may write, or lock rows; what a function does that it calls, nobody sees from here."""
    return not words or words[0] not in _READS or _WRITES.search(statement) is not None


def keeps_rows(context: ExecutionContext) -> bool:
    """Say whether a statement locks the rows that it loads, all of them, against every change: `with_for_update()`."""
    # It has no public name.
    asked = getattr(getattr(context, "invoked_statement", None), "_for_update_arg", None)
    return asked is not None and asked.of is None and not (asked.read and asked.key_share)
