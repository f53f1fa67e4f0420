"""A scroll sees what is there all the time exactly once, in order, whatever comes and goes between its pages."""

import asyncio
import enum
from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.model.rows import change
from diptych.model.specifications import Specification
from diptych.read.ordering import Place
from tests.kinds import OPERANDS, Mixed, Sample, like, rows, specifications
from tests.row_stores import NEWEST_POSTGRES, row_store
from tests.shelf import SampleShelf, opened
from tests.sizes import size

quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
orders = st.lists(
    st.builds("{}{}".format, st.sampled_from(("", "-")), st.sampled_from([*sorted(OPERANDS), "id"])),
    max_size=3,
    unique_by=lambda name: name.removeprefix("-"),
)
# Between two pages: rows that come (at most one per id), and ids that go.
comings = st.lists(st.tuples(st.integers(100, 130), rows), max_size=3)
goings = st.lists(st.integers(0, 130), max_size=4)
scripts = st.tuples(
    st.lists(rows, max_size=12),
    orders,
    st.integers(1, 4),
    st.none() | specifications,
    st.lists(st.tuples(comings, goings), max_size=6),
)


def stored(value: Any) -> Any:
    match value:
        case Mixed():
            return value.name
        case enum.Enum():
            return value.value
    return value


def before(order: list[str]) -> Any:
    """Return the sort key of this order; None before every value, and equal rows by id."""
    directions = {name.removeprefix("-"): name.startswith("-") for name in order}
    directions.setdefault("id", False)

    def compared(left: Sample, right: Sample) -> int:
        for name, down in directions.items():
            one, other = stored(getattr(left, name)), stored(getattr(right, name))
            if one != other:
                less = one is None or (other is not None and one < other)
                return -1 if less is not down else 1
        return 0

    return cmp_to_key(compared)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module", params=("memory", NEWEST_POSTGRES))
def shelf(runner: asyncio.Runner, request: pytest.FixtureRequest) -> Iterator[SampleShelf]:
    entered = opened(unopened=row_store(request, request.param))
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


async def scrolled(shelf: SampleShelf, script: tuple[Any, ...]) -> None:
    first, order, limit, wanted, changes = script
    where: tuple[Specification[Sample], ...] = () if wanted is None else (wanted,)
    there = {row.id: row for row in await shelf.fill(first)}
    steady, seen, cursor = {row.id for row in there.values() if all(map_in(where, row))}, list[Sample](), None
    known = set(there)  # a row that went and came back elsewhere would be another row, and may be seen again
    for number in range(1000):
        page = await shelf.rows.scroll(*where, order=order, limit=limit, cursor=cursor)
        assert all(there[row.id] == row for row in page)
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
        assert len(page) == limit
        if number < len(changes):
            comes, goes = changes[number]
            new = {at: change(row, id=at) for at, row in comes if at not in known}
            gone = {at for at in goes if at in there}
            await shelf.put(new.values(), gone)
            known |= set(new)
            steady -= gone
            there = {at: row for at, row in (there | new).items() if at not in gone}
    await shelf.put((), there)

    assert [row.id for row in seen] == [row.id for row in sorted(seen, key=before(order))]
    assert len({row.id for row in seen}) == len(seen)
    assert steady <= {row.id for row in seen}


def map_in(where: tuple[Specification[Sample], ...], row: Sample) -> Iterator[bool]:
    return (each(row) for each in where)


@settings(max_examples=100, deadline=None, suppress_health_check=quiet)
@given(scripts)
def test_a_scroll_sees_every_steady_row_once_and_in_order(
    shelf: SampleShelf, runner: asyncio.Runner, script: tuple[Any, ...]
) -> None:
    runner.run(scrolled(shelf, script))


def test_a_planted_end_before_the_rows_without_a_value_is_caught(
    shelf: SampleShelf, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond = Place.beyond
    monkeypatch.setattr(Place, "beyond", lambda place, value: list(beyond(place, value))[:1])

    with pytest.raises(AssertionError):
        runner.run(scrolled(shelf, ([like(share=1.0), like()], ["-share"], 1, None, [])))


@pytest.mark.prove
@pytest.mark.timeout(3600)
@settings(max_examples=size(150, full=5_000), deadline=None, suppress_health_check=quiet)
@given(scripts)
def test_a_scroll_sees_every_steady_row_once_at_full_size(
    shelf: SampleShelf, runner: asyncio.Runner, script: tuple[Any, ...]
) -> None:
    runner.run(scrolled(shelf, script))
