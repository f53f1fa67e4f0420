"""The servers that tests share: PostgreSQL clusters, started when a test first asks, removed at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clusters import NEWEST, OLDEST, Cluster, Database

_ROOM = 4 << 30
_SMALL = {"shared_buffers": "32MB"}  # whoever drops a database looks through them all
ClusterOf = Callable[[str], Cluster]


@pytest.fixture(scope="session")
def cluster_of() -> Iterator[ClusterOf]:
    """Return the running cluster of a version, one for all tests; a test that stops a server starts its own."""
    running: dict[str, Cluster] = {}

    def started(version: str) -> Cluster:
        if version not in running:
            running[version] = Cluster(version, folder=_folder(version), login="trust", settings=_SMALL)
        return running[version]

    yield started
    for cluster in running.values():
        cluster.remove()


@pytest.fixture(params=[OLDEST, NEWEST])
def postgres(request: pytest.FixtureRequest, cluster_of: ClusterOf) -> Iterator[Database]:
    """Give an empty database of the oldest server that is supported, then one of the newest."""
    with cluster_of(request.param).lent() as database:
        yield database


@pytest.fixture
def newest_postgres(cluster_of: ClusterOf) -> Iterator[Database]:
    """Give an empty database of the newest server."""
    with cluster_of(NEWEST).lent() as database:
        yield database


@pytest.fixture(params=["folder", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Say where an example keeps its books: in files of a folder, then in an empty database of the newest server."""
    if request.param == "folder":
        return tmp_path
    database: Database = request.getfixturevalue("newest_postgres")
    return database.url


def _folder(version: str) -> Path | None:
    """Return a folder in memory where there is room: there an fsync costs nothing."""
    memory = Path("/dev/shm")  # noqa: S108 (a name that nobody else takes is made in it)
    if not memory.is_dir() or shutil.disk_usage(memory).free < _ROOM:
        return None
    return Path(tempfile.mkdtemp(prefix=f"diptych-postgres-{version}-", dir=memory))


@pytest.fixture(scope="session")
def rows_database_of(cluster_of: ClusterOf) -> Iterator[Callable[[str], Database]]:
    """Return a database of a version's server that tests share, each in a schema of its own."""
    made: dict[str, Database] = {}

    def of(version: str) -> Database:
        if version not in made:
            made[version] = cluster_of(version).database()
        return made[version]

    yield of
    for each in made.values():
        each.drop()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape what a test logged and no process can send to another: halves of surrogate pairs."""
    report = yield
    return _sendable(report)


def _sendable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode(errors="backslashreplace").decode()
    if isinstance(told, dict):
        return {name: _sendable(each) for name, each in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(map(_sendable, told))
    return told
