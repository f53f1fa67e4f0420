"""Servers for the tests: each is started when the first test asks for it, and gone with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.clusters import NEWEST, OLDEST, Cluster, Database

Clusters = Callable[[str], Cluster]


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """Return what gives the running cluster of a version."""
    running: dict[str, Cluster] = {}

    def of(version: str) -> Cluster:
        if version not in running:
            running[version] = Cluster(version)
        return running[version]

    yield of
    for each in running.values():
        each.remove()


@pytest.fixture(params=[OLDEST, NEWEST])
def postgres(request: pytest.FixtureRequest, clusters: Clusters) -> Iterator[Database]:
    """Give an empty database of each version."""
    database = clusters(request.param).database()
    yield database
    database.drop()
