"""Views that do not fit into an application are refused when it is made; changed code has another fingerprint."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from diptych import Application, Module, OnDemand, Projection, Rows, WiringError
from tests.read.sales import FoldedDay, SalesByDay, SaleSummary, Till, reports, sales, sales_by_day, tills


class Stranger(msgspec.Struct, frozen=True):
    day: int


def with_view(function: Callable[..., Any], **options: Any) -> Module:
    module = Module("reports")
    module.materialised(SalesByDay, key="day", refresh=OnDemand(), **options)(function)
    return module


def of_strangers(rows: Rows[Stranger]) -> Any: ...


def of_a_view(days: Rows[SalesByDay]) -> Any: ...


def of_nothing(rows: Rows[SaleSummary]) -> Any:
    return None


def of_no_column(rows: Rows[SaleSummary]) -> Any:
    return sa.select(rows.table.c.dya)


def of_another_table(rows: Rows[SaleSummary]) -> Any:
    return sa.select(sa.table("secrets", sa.column("day")))


def of_text(rows: Rows[SaleSummary]) -> Any:
    return sales_by_day(rows).where(sa.text("exists (select * from till)"))


def of_too_little(rows: Rows[SaleSummary]) -> Any:
    return sa.select(rows.table.c.day)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (lambda: with_view(of_strangers), "no read model has rows Stranger"),
        (lambda: with_view(of_a_view), "view 'sales_by_day' reads view 'sales_by_day'; a view reads read models"),
        (lambda: with_view(of_nothing), r"returned NoneType, not a select\(\)"),
        (lambda: with_view(of_no_column), "raised AttributeError: dya"),
        (lambda: with_view(of_another_table), "reads 'secrets', which is no read model of this application"),
        (lambda: with_view(of_text), "has SQL as text: nobody sees which read models it reads"),
        (lambda: with_view(of_too_little), "lacks count, total"),
        (lambda: with_view(sales_by_day, name="till"), "view 'till' has the name of a read model"),
    ],
)
def test_a_view_that_does_not_fit_is_refused_at_once(module: Callable[[], Module], told: str) -> None:
    with pytest.raises(WiringError, match=told) as refused:
        Application(module(), sales(), tills())

    assert ".py:" in refused.value.where
    assert refused.value.fix


def test_two_views_of_one_name_are_refused() -> None:
    with pytest.raises(WiringError, match=r"view 'sales_by_day' has the name of a view at .*sales\.py"):
        Application(with_view(sales_by_day), reports(), sales())


def test_rows_of_a_view_and_of_a_read_model_must_differ() -> None:
    doubled = Projection("doubled")
    doubled.read_model(SalesByDay, key="day", name="days")

    with pytest.raises(WiringError, match="2 read models have rows SalesByDay: days, sales_by_day"):
        Application(reports(), sales(), doubled)


def test_a_module_gives_the_function_back() -> None:
    assert Module("m").materialised(SalesByDay, key="day", refresh=OnDemand())(sales_by_day) is sales_by_day


def test_a_view_waits_for_every_read_model_that_its_select_names() -> None:
    till = tills()
    table: list[Any] = []

    def joined(rows: Rows[SaleSummary], others: Rows[Till]) -> Any:
        table[:] = [others.table]
        return sales_by_day(rows).where(sa.exists(sa.select(others.table.c.till)))

    def smuggled(rows: Rows[SaleSummary]) -> Any:
        return sales_by_day(rows).where(sa.exists(sa.select(table[0].c.till)))

    both = _bound(Application(with_view(joined), sales(), till))
    again = _bound(Application(with_view(smuggled), sales(), till))

    assert both.projections == again.projections == ("sales", "tills")
    assert _bound(Application(with_view(sales_by_day), sales(), till)).projections == ("sales",)


def test_the_fingerprint_is_that_of_the_code_below() -> None:
    def other(rows: Rows[SaleSummary]) -> Any:
        return sales_by_day(rows).where(rows.table.c.total > 0)

    first = _bound(Application(with_view(sales_by_day), sales()))
    same = _bound(Application(reports(), sales(), tills()))

    assert first.fingerprint == same.fingerprint
    assert first.fingerprint != _bound(Application(with_view(other), sales())).fingerprint
    indexed = with_view(sales_by_day, indexes=["count"])
    assert first.fingerprint != _bound(Application(indexed, sales())).fingerprint


def test_the_fingerprint_changes_with_the_projections_below() -> None:
    changed = sales()
    changed.read_model(FoldedDay, key="day", name="more")

    assert _bound(Application(reports(), sales())).fingerprint != _bound(_without_queries(changed)).fingerprint


def _without_queries(projection: Projection) -> Application:
    return Application(with_view(sales_by_day), projection)


def _bound(app: Application) -> Any:
    return app._read.views.bound["sales_by_day"]
