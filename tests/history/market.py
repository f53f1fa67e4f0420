"""A market for the tests of dry runs: decisions over one and several entities, and every way in which rows change."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from diptych.errors import Missing, Refusal
from diptych.model.decisions import DecisionModel
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Scale, Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context, Meta
from diptych.model.projections import Projection
from diptych.model.rowfolds import RowChange
from diptych.model.rows import computed
from diptych.module import Module

DepartmentId = Annotated[str, Tag("department")]
ProductId = Annotated[UUID, Tag("product")]
Money = Annotated[Decimal, Scale(2)]


class OutOfStock(Refusal):
    """More was asked for than there is."""


@event("department.named")
@dataclass(frozen=True, slots=True)
class Named:
    department: DepartmentId
    name: str


@event("product.added")
@dataclass(frozen=True, slots=True)
class Added:
    product: ProductId
    department: DepartmentId
    price: Money
    stock: int


@event("product.moved")
@dataclass(frozen=True, slots=True)
class Moved:
    product: ProductId
    department: DepartmentId


@event("product.sold", version=2)
@dataclass(frozen=True, slots=True)
class Sold:
    product: ProductId
    quantity: int


@event("product.removed")
@dataclass(frozen=True, slots=True)
class Removed:
    product: ProductId


@event("market.broken")
@dataclass(frozen=True, slots=True)
class Broken:
    product: ProductId


@dataclass(frozen=True, slots=True)
class Name(Command[None]):
    department: DepartmentId
    name: Annotated[str, NotBlank]


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Command[UUID]):
    product: Annotated[ProductId, Generated] = NEW
    department: DepartmentId
    price: Money
    stock: Annotated[int, Bounds(ge=0)]


@dataclass(frozen=True, slots=True)
class Sell(Command[int]):
    lines: tuple[tuple[UUID, int], ...]


@dataclass(frozen=True, slots=True)
class Reorganise(Command[None]):
    """Move products to a department, and name it, in one go."""

    department: DepartmentId
    name: str
    products: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Remove(Command[None]):
    product: ProductId


@dataclass(frozen=True, slots=True)
class Break(Command[None]):
    product: ProductId


@dataclass(frozen=True, slots=True)
class Ring(Command[str]):
    """Ring the bell of the market: an effect of its own."""

    times: int


@dataclass(frozen=True, slots=True)
class Stock:
    known: bool = False
    level: int = 0


def count(stock: Stock, happened: Added | Sold | Removed) -> Stock:
    match happened:
        case Added():
            return Stock(known=True, level=happened.stock)
        case Sold():
            return replace(stock, level=stock.level - happened.quantity)
        case Removed():
            return Stock()


def unnamed() -> str:
    return ""


stock = DecisionModel(count, initial=Stock, tag="product")


def called(_: str, happened: Named) -> str:
    return happened.name


names = DecisionModel(called, initial=unnamed, tag="department")
market = Module("market")
rung: list[int] = []


@market.decides(current=names.one(lambda command: command.department))
def rename(command: Name, current: str) -> Iterator[Named]:
    if command.name != current:
        yield Named(command.department, command.name)


@market.decides(product=stock.one(lambda command: command.product), department=names.one(lambda c: c.department))
def add(command: Add, product: Stock, department: str) -> Generator[Added, None, UUID]:
    if not department:
        raise Missing(f"there is no department {command.department}")
    if product.known:
        raise Refusal("it is there already")
    yield Added(command.product, command.department, command.price, command.stock)
    return command.product


@market.decides(products=stock.of(lambda command: [product for product, _ in command.lines]))
def sell(command: Sell, products: Mapping[UUID, Stock], context: Context) -> Generator[Sold, None, int]:
    total = 0
    for product, quantity in command.lines:
        if products[product].level < quantity:
            raise OutOfStock(f"{products[product].level} left", available=products[product].level)
        total += quantity
        yield Sold(product, quantity)
    return total


@market.decides(products=stock.of(lambda command: command.products))
def reorganise(command: Reorganise, products: Mapping[UUID, Stock]) -> Iterator[Moved | Named]:
    for product, known in products.items():
        if known.known:
            yield Moved(product, command.department)
    yield Named(command.department, command.name)


@market.decides(product=stock.one(lambda command: command.product))
def remove(command: Remove, product: Stock) -> Iterator[Removed]:
    if product.known:
        yield Removed(command.product)


@market.decides(product=stock.one(lambda command: command.product))
def ruin(command: Break, product: Stock) -> Iterator[Broken | Sold]:
    yield Sold(command.product, 0)
    yield Broken(command.product)


@market.command
def ring(command: Ring) -> str:
    rung.append(command.times)
    return "ding"


@dataclass(frozen=True, slots=True)
class DepartmentView:
    department: str
    name: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class ProductView:
    product: UUID
    department: str
    called: str
    price: Money
    stock: int
    by: str | None

    @computed
    def worth(self) -> Money:
        return self.price * self.stock


@dataclass(frozen=True, slots=True)
class Total:
    department: str
    products: int
    stock: int


@dataclass(frozen=True, slots=True)
class Line:
    product: UUID
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Popular:
    product: UUID
    sales: int


def shelves() -> Projection:
    """References, a fan-out, a rollup and history, in one projection."""
    made = Projection("shelves")
    departments = made.read_model(DepartmentView, key="department")
    products = made.read_model(ProductView, key="product", history=True)
    totals = made.read_model(Total, key="department")

    @departments.on
    def named(row: DepartmentView | None, event: Named, meta: Meta) -> DepartmentView:
        return DepartmentView(event.department, event.name, meta.recorded_at)

    @products.on(department=departments["department"])
    def added(row: ProductView | None, event: Added, department: DepartmentView, meta: Meta) -> ProductView:
        return ProductView(event.product, event.department, department.name, event.price, event.stock, meta.actor)

    @products.on(department=departments["department"])
    def moved(row: ProductView, event: Moved, department: DepartmentView | None) -> ProductView:
        return replace(row, department=event.department, called=department.name if department else "")

    @products.on
    def sold(row: ProductView, event: Sold) -> ProductView:
        return replace(row, stock=row.stock - event.quantity) if event.quantity else row

    @products.on
    def removed(row: ProductView | None, event: Removed) -> None:
        return None

    @products.on
    def broken(row: ProductView, event: Broken) -> ProductView:
        return replace(row, stock=row.stock // 0)

    @products.where(department="department").on
    def renamed(row: ProductView, event: Named) -> ProductView:
        return replace(row, called=event.name)

    @totals.rollup(products, key="department")
    def total(row: Total | None, change: RowChange[ProductView]) -> Total | None:
        before, after = change.before, change.after
        count = (row.products if row else 0) - (before is not None) + (after is not None)
        level = (row.stock if row else 0) - (before.stock if before else 0) + (after.stock if after else 0)
        where = (after or before).department  # type: ignore[union-attr]  # one of them is there
        return Total(where, count, level) if count else None

    return made


def sales() -> Projection:
    """Append-only rows, and rows counted beside them, in the other projection."""
    made = Projection("sales")
    lines = made.append_only(Line)
    popular = made.read_model(Popular, key="product")

    @lines.on
    def line(event: Sold, meta: Meta) -> Line:
        return Line(event.product, event.quantity, meta.recorded_at)

    @popular.on
    def counted(row: Popular | None, event: Sold) -> Popular:
        return Popular(event.product, (row.sales if row else 0) + 1)

    return made
