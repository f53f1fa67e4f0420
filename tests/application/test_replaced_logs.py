"""An application that is opened again goes by what is there then, and remembers nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from diptych import Application
from diptych.model.criteria import Criteria
from tests.clusters import Database
from tests.write.saving import Fill, Pot, Tell, filled, kitchen, shelves, told

Log = tuple[str, Callable[[], object]]
"""The URL of a log, and what removes it."""


@pytest.fixture
def file(tmp_path: Path) -> Log:
    """Give a log in a file."""
    folder = tmp_path / "log"
    folder.mkdir()

    def remove() -> None:
        shutil.rmtree(folder)
        folder.mkdir()

    return f"sqlite:///{folder}/pots.db", remove


@pytest.fixture
def database(newest_postgres: Database) -> Log:
    """Give a log in a database."""
    return newest_postgres.url, lambda: newest_postgres.sql("drop schema diptych cascade")


@pytest.fixture(params=["file", "database"])
def log(request: pytest.FixtureRequest) -> Log:
    """Give a log that is not there yet."""
    found: Log = request.getfixturevalue(request.param)
    return found


async def test_nothing_of_the_log_before_is_decided_upon_read_or_waited_for(log: Log) -> None:
    url, remove = log
    app = Application(kitchen(every=None), shelves, events=url, reads="memory://")
    async with app:
        await filled(app, "salt", 3)
    remove()

    async with app:
        assert await told(app, Tell("salt")) == repr(Pot())
        assert (await app.send(Fill("salt", Decimal(7)))).unwrap() == 0
        assert await app.store.wait(1, 0) == 1
        assert len((await app.store.read(Criteria.all(), until=3)).events) == 1
