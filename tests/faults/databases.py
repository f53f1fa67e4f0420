"""Where several processes meet: files of SQLite, or a database of PostgreSQL's oldest and newest server."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clusters import NEWEST, OLDEST


@dataclass(frozen=True)
class Place:
    """The URL of a log, and the folder of its files where it has any."""

    url: str
    folder: Path | None = None

    @property
    def is_free(self) -> bool:
        """Say whether somebody could write the read models now: on SQLite a stopped process may hold their turn."""
        if self.folder is None:
            return True
        return all(
            _is_free(path) for path in self.folder.glob("*-reads.db-*") if path.name.endswith(("-lock", "-turn"))
        )


@pytest.fixture(params=["sqlite", OLDEST, NEWEST])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a place that is empty."""
    if request.param == "sqlite":
        yield Place(f"sqlite:///{tmp_path}/bank.db", tmp_path)
        return
    database = request.getfixturevalue("cluster_of")(request.param).database()
    yield Place(database.url)
    database.drop()


def _is_free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
