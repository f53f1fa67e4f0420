"""Where several processes meet: files of SQLite, or a database of PostgreSQL's oldest and newest server."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import run

import pytest

from tests.clusters import NEWEST, OLDEST, Database

ROOT = Path(__file__).parents[2]
DIPTYCH = (sys.executable, "-m", "diptych")


@dataclass(frozen=True)
class Place:
    """The URL of a log, and the folder of its files or the database in which it is."""

    url: str
    folder: Path | None = None
    database: Database | None = None

    @property
    def is_free(self) -> bool:
        """Say whether somebody could write the read models now: on SQLite a stopped process may hold their turn."""
        if self.folder is None:
            return True
        return all(_is_free(self.folder / f"bank-reads.db-{turn}") for turn in ("lock", "turn"))

    def for_queries(self) -> str:
        """Return the URL for who may only read, where the database knows such roles; the tables must be there."""
        if self.database is None:
            return self.url
        role = f"reader_{self.database.name}"
        self.database.sql(f"create role {role} login")
        run([*DIPTYCH, "log", "migrate", self.url, "--read-only", role], cwd=ROOT, check=True, capture_output=True)
        return self.database.cluster.url(self.database.name, user=role)

    def drop(self) -> None:
        """Drop what outlives the test: a database, and the role that may read it."""
        if self.database is not None:
            self.database.drop()
            self.database.cluster.sql(f"drop role if exists reader_{self.database.name}")


@pytest.fixture(params=["sqlite", OLDEST, NEWEST])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a place that is empty."""
    if request.param == "sqlite":
        made = Place(f"sqlite:///{tmp_path}/bank.db", folder=tmp_path)
    else:
        database = request.getfixturevalue("cluster_of")(request.param).database()
        made = Place(database.url, database=database)
    yield made
    made.drop()


def _is_free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
