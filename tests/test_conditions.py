"""A specification holds for the same rows in SQL as in memory, and compares so that an index finds them."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.model.specifications import Specification
from tests.kinds import Sample, rows, specifications
from tests.shelf import SampleShelf, opened
from tests.sizes import size


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def shelf(runner: asyncio.Runner) -> Iterator[SampleShelf]:
    entered = opened()
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


def compare(
    shelf: SampleShelf, runner: asyncio.Runner, given_rows: list[Sample], specs: list[Specification[Sample]]
) -> None:
    async def judged() -> None:
        kept = await shelf.fill(given_rows)
        for each in specs:
            held = {row.id for row in kept if each(row)}
            assert await shelf.found(each) == held, each
            assert await shelf.found(~each) == {row.id for row in kept} - held, each

    runner.run(judged())


everything = st.lists(rows, min_size=1, max_size=6), st.lists(specifications, min_size=1, max_size=4)
quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=300, deadline=None, suppress_health_check=quiet)
@given(*everything)
def test_sql_and_memory_agree_on_every_row(
    shelf: SampleShelf, runner: asyncio.Runner, found: list[Sample], specs: list[Specification[Sample]]
) -> None:
    compare(shelf, runner, found, specs)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@settings(max_examples=size(300, full=10_000), deadline=None, suppress_health_check=quiet)
@given(*everything)
def test_sql_and_memory_agree_at_full_size(
    shelf: SampleShelf, runner: asyncio.Runner, found: list[Sample], specs: list[Specification[Sample]]
) -> None:
    compare(shelf, runner, found, specs)
