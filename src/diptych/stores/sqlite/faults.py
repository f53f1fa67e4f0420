"""What SQLite's errors mean for those who append and read."""

from __future__ import annotations

import sqlite3

from diptych.errors import CorruptionError, Error, OutcomeUnknownError, StatementError, StorageFullError, StoreError
from diptych.ports import Append

_PRIMARY = 0xFF


def is_full(wrong: sqlite3.Error) -> bool:
    """Say whether the disk had no room for what was written."""
    return _code(wrong) == sqlite3.SQLITE_FULL


def store_error(wrong: sqlite3.Error) -> StoreError:
    """Return the error of a statement that surely had no effect."""
    code = _code(wrong)
    if is_full(wrong):
        return StorageFullError("the disk is full: nothing was written; free space and go on")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptionError(f"SQLite finds the file damaged: {wrong}; restore it, or run `diptych log verify`")
    return StoreError(f"SQLite failed: {wrong}")


def select_error(wrong: BaseException | None) -> Error:
    """Return the error of a select that an application gave us: its own mistake, or what SQLite cannot do."""
    assert isinstance(wrong, sqlite3.Error)  # noqa: S101 (SQLAlchemy does not say whose errors it has)
    return StatementError(str(wrong)) if _code(wrong) == sqlite3.SQLITE_ERROR else store_error(wrong)


def commit_error(wrong: sqlite3.Error, append: Append) -> Exception:
    """Return the error of an append whose commit failed: only a full disk says that nothing was written."""
    if is_full(wrong):
        return store_error(wrong)
    if append.record is None:
        return StoreError(f"the commit failed and its outcome is unknown: {wrong}")
    return OutcomeUnknownError(append.record.id, f"the commit failed: {wrong}")


def breaks_a_row(wrong: Exception) -> bool:
    """Say whether the error lies in one append of the batch, and not in the file."""
    if isinstance(wrong, sqlite3.Error):
        return _code(wrong) in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)
    return not isinstance(wrong, (StoreError, OSError))


def _code(wrong: sqlite3.Error) -> int:
    # Errors of the module itself, such as a type that it cannot bind, carry no code of SQLite.
    return getattr(wrong, "sqlite_errorcode", sqlite3.SQLITE_MISMATCH) & _PRIMARY
