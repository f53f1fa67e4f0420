"""Logs by their URLs, opened to be moved: without an application, and so without its code."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from diptych.errors import SettingsError
from diptych.moving.copying import Copied, copy
from diptych.moving.digest import Digest
from diptych.moving.exporting import export
from diptych.moving.files import lines_of, written_to
from diptych.moving.house import House, Tell
from diptych.moving.importing import Imported, import_
from diptych.ports import Movable, MovableBookmarks
from diptych.stores.sqlite.neighbours import neighbours
from diptych.stores.urls import MEMORY, bookmarks_beside, event_store, followed_log

_SQLITE = "sqlite:///"


async def copy_log(source: str, target: str, tell: Tell) -> Copied:
    """Copy the log of a URL, whole, into that of another, as `moving.copying.copy` says."""
    async with house(source, exists=True) as old, house(target) as new:
        copied = await copy(old, new, tell)
    if source.startswith(_SQLITE):  # in a database of PostgreSQL anybody may have tables
        return msgspec.structs.replace(copied, left=neighbours(Path(source.removeprefix(_SQLITE))))
    return copied


async def export_log(source: str, file: str, tell: Tell) -> Digest:
    """Write the log of a URL into a new file."""
    async with house(source, exists=True) as old:
        with written_to(file) as written:
            return await export(old, written.write, tell)


async def import_log(file: str, target: str, tell: Tell) -> Imported:
    """Read a file into the log of a URL, as `moving.importing.import_` says."""
    with lines_of(file) as lines:
        async with house(target) as new:
            return await import_(lines, new, tell)


@contextlib.asynccontextmanager
async def house(url: str, *, exists: bool = False) -> AsyncIterator[House]:
    """Open a log and its bookmarks; raise SettingsError for a URL that keeps nothing, or names no log that `exists`."""
    if url == MEMORY:
        raise SettingsError("a log in memory lives in its process alone and cannot be moved; name a file or a database")
    if exists and url.startswith(_SQLITE):
        _refuse_absent(url)
    elif exists:
        async with followed_log(url):  # it makes nothing, and raises where there is nothing
            pass
    log, bookmarks = event_store(url), bookmarks_beside(url)
    if not (isinstance(log, Movable) and isinstance(bookmarks, MovableBookmarks)):
        raise SettingsError(f"the store of {url} cannot be moved")
    async with log, bookmarks:
        yield House(log, bookmarks)


def _refuse_absent(url: str) -> None:
    if not Path(url.removeprefix(_SQLITE)).exists():
        raise SettingsError(f"there is no log at {url}")
