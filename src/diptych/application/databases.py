"""Databases by their URLs: examined, and brought up to date, without an application opening them."""

from __future__ import annotations

from collections.abc import Sequence

from diptych.application.application import Application
from diptych.ports import Finding, Kept
from diptych.stores import databases
from diptych.stores.postgres.components import Roles, Whose
from diptych.stores.urls import reads_beside


async def examine(application: Application) -> Sequence[Finding]:
    """Examine the servers of an unopened application; files are examined when they are open."""
    whose: Whose = "queries" if application.ownership.only == "queries" else "application"
    return await databases.examined(*application.urls, application.clock, whose)


async def bring_up(events: str, reads: str | None, *, grant: str | None, read_only: str | None) -> Sequence[Kept]:
    """Bring the tables behind the URLs up to date, and give roles exactly the rights that they need.

    Returns what was done, schema by schema: nothing for files, which are brought up to date when they are opened.
    """
    return await databases.brought_up(events, reads or reads_beside(events), Roles(grant, read_only))


async def due(events: str, reads: str | None, *, grant: str | None, read_only: str | None) -> Sequence[Kept]:
    """Return what `bring_up` would do."""
    return await databases.wanting(events, reads or reads_beside(events), Roles(grant, read_only))
