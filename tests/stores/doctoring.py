"""What a doctor finds at a URL, by what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from diptych.ports import Clock, Finding
from diptych.stores.databases import brought_up, examined
from diptych.stores.postgres.components import Roles, Whose
from diptych.stores.system import SystemClock
from diptych.stores.urls import reads_beside
from tests.clusters import PASSWORD, Database


async def findings(url: str, *, clock: Clock | None = None, whose: Whose = "application") -> Mapping[str, Finding]:
    """Examine a database; what is found twice about one thing would hide something, and fails."""
    found = await examined(url, reads_beside(url), clock or SystemClock(), whose)
    by_about = {each.about: each for each in found}
    assert len(by_about) == len(found), [each.about for each in found]
    return by_about


async def migrated(url: str, *, application: str | None = None, queries: str | None = None) -> None:
    """Make the tables of a database, and give roles their rights."""
    await brought_up(url, reads_beside(url), Roles(application, queries))


def login(database: Database, name: str, options: str = "") -> str:
    """Make a role that owns nothing, called `name_DATABASE`; return the URL by which it logs in."""
    role = f"{name}_{database.name}"
    database.sql(f"create role {role} login password '{PASSWORD}' {options}")
    return database.cluster.url(database.name, user=role)
