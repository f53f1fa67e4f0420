"""A specification holds for the same rows in SQL as in memory, and compares so that an index finds them."""

import asyncio
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych import conditions
from diptych.conditions import condition
from diptych.model.specifications import Specification, fields
from tests.kinds import Sample, like, rows, specifications
from tests.row_stores import POSTGRES, row_store
from tests.shelf import SampleShelf, opened
from tests.sizes import size


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module", params=("memory", *POSTGRES))
def shelf(runner: asyncio.Runner, request: pytest.FixtureRequest) -> Iterator[SampleShelf]:
    entered = opened(unopened=row_store(request, request.param))
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


@settings(max_examples=200, deadline=None, suppress_health_check=quiet)
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


sample = fields(Sample)


@pytest.mark.parametrize(
    ("specification", "row"),
    [
        (sample.text.starts_with("a\ud7ff"), like(text="a\ud7ff\ue000")),
        (sample.text.starts_with("\U0010ffff"), like(text="\U0010ffff\U0010ffff")),
        (sample.text.starts_with("50%"), like(text="50% off")),
        (~sample.text.starts_with("A"), like(text="a")),
        (~sample.text.contains("A"), like(text="a")),
        (sample.price < Decimal("0.125"), like(price=Decimal("0.12"))),
        (~(sample.price < Decimal("0.125")), like(price=Decimal("0.13"))),
        (sample.price > Decimal("-0.125"), like(price=Decimal("-0.12"))),
        (sample.price != Decimal("0.125"), like(price=Decimal("0.12"))),
        (sample.price < Decimal("1E+999999999"), like(price=Decimal(1))),
        (sample.price > Decimal("-1E-999999999"), like(price=Decimal(0))),
        (~(sample.note == "x"), like()),
        (~(sample.spare < sample.count), like()),
        (~sample.note.in_(["x"]), like()),
        (~sample.note.in_([]), like()),
    ],
)
def test_a_row_at_an_edge_is_found(
    shelf: SampleShelf, runner: asyncio.Runner, specification: Specification[Sample], row: Sample
) -> None:
    compare(shelf, runner, [row], [specification])
    assert specification(row)


def test_a_planted_logic_of_three_values_is_caught(
    shelf: SampleShelf, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_or_absent", lambda opposite, *_: opposite)

    with pytest.raises(AssertionError):
        compare(shelf, runner, [like()], [sample.note == "x"])


def test_a_planted_rounding_is_caught(
    shelf: SampleShelf, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "ROUND_FLOOR", ROUND_HALF_UP)

    with pytest.raises(AssertionError):
        compare(shelf, runner, [like(price=Decimal("0.13"))], [sample.price < Decimal("0.126")])


def test_a_column_that_a_table_lacks_is_told() -> None:
    with pytest.raises(TypeError, match="table bare has no column 'text'; it has id"):
        condition(sample.text == "a", sa.Table("bare", sa.MetaData(), sa.Column("id", sa.Integer)))
