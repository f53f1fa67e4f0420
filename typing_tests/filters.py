"""What specifications, cursors and plans are to a type checker."""

from typing import assert_type

from diptych import Application, CursorPage, Index, Rows, Specification, fields, parameter
from diptych.testing import Plan, explained
from typing_tests.shop import GetOrder, LineView, OrderView

order = fields(OrderView)

assert_type(order.anything == 1, Specification[OrderView])
assert_type((order.a < 5) & ~order.b.in_([1]) | order.c.is_none(), Specification[OrderView])
assert_type((order.name == parameter("name")).bind(name="x"), Specification[OrderView])

(order.a == 1) & (fields(LineView).a == 1)  # type: ignore[operator]  # they speak of different rows

Index("a", "-b", where=order.a > 1, covering=["c"], unique=False)


async def scrolled(rows: Rows[OrderView]) -> None:
    page = await rows.scroll(order.a > 1, order=["-a"], cursor=None)
    assert_type(page, CursorPage[OrderView])
    assert_type(page.next, str | None)
    assert_type(next(iter(page)), OrderView)


async def planned(app: Application, query: GetOrder) -> None:
    assert_type(await explained(app, query), tuple[Plan, ...])
