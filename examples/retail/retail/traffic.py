"""Traffic: customers who come to the tills, more of them for what is popular, seeded so that it can be repeated."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from diptych import Accepted, Application, Command
from retail.customers import RegisterCustomer
from retail.departments import OpenDepartment
from retail.products import ChangePrice, CreateProduct
from retail.queries.customers import FindCustomers
from retail.queries.products import FindProducts
from retail.returns import AcceptReturn, ReturnLine
from retail.sales import CancelSale, ProcessSale, SaleLine
from retail.stock import AdjustStock
from retail.units import OpenUnit

_DEPARTMENTS = {
    "KITCHEN": "mug plate bowl teapot tray".split(),
    "LIVING": "lamp clock cushion blanket mirror frame".split(),
    "GIFTS": "candle basket vase bunting".split(),
}
_KINDS = "red blue green white striped spotted vintage enamel wooden wicker glass ceramic".split()
_PAGE, _REGULARS = 500, 60
_KNOWN, _ON_CREDIT = 0.4, 0.3
_SHARES = {"sale": 90, "return": 3, "cancel": 1, "delivery": 5, "price": 1}


async def stocked(app: Application, seed: int) -> None:
    """Fill an empty shop: products with stock, and regular customers, some of whom get credit."""
    if (await app.ask(FindProducts(limit=1), after=await app.head(), wait=60)).total:
        return
    draw = random.Random(seed)
    await _opened(app)
    things = [(code, thing) for code, things in _DEPARTMENTS.items() for thing in things]
    for number, (kind, (code, thing)) in enumerate((kind, thing) for kind in _KINDS for thing in things):
        cost = Decimal(draw.randrange(40, 2500)) / 100
        product = CreateProduct(
            product=f"{thing[:3].upper()}{number:03}",
            description=f"{kind} {thing}",
            price=(cost * Decimal("1.6")).quantize(Decimal("0.01")),
            cost=cost,
            minimum_stock=20,
            opening_stock=draw.randrange(200, 800),
            department=code,
            unit="PC",
        )
        (await app.send(product, key=f"stock:{number}", principal="buyer")).unwrap()
    for number in range(_REGULARS):
        limit = Decimal(draw.choice([0, 500, 1000, 5000]))
        regular = RegisterCustomer(customer=f"R{number:03}", name=f"Regular {number}", credit_limit=limit)
        (await app.send(regular, key=f"regular:{number}", principal="office")).unwrap()


async def _opened(app: Application) -> None:
    (await app.send(OpenUnit("PC", "piece"), key="unit:PC", principal="office")).unwrap()
    for code in _DEPARTMENTS:
        opened = OpenDepartment(code, code.capitalize())
        (await app.send(opened, key=f"department:{code}", principal="office")).unwrap()


class Traffic:
    """Bring `rate` customers a second to the tills and count what comes of them."""

    def __init__(self, tills: int, rate: float, seed: int) -> None:
        self.tills = [f"T{number}" for number in range(1, tills + 1)]
        self.rate, self.seed = rate, seed
        self.counts: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._products: Sequence[tuple[str, Decimal]] = ()
        self._weights: list[float] = []
        self._customers: Sequence[str] = ()
        self._sold: list[str] = []

    async def run(self, app: Application, seconds: float | None) -> None:
        """Send commands for so long, or until cancelled; arrivals are random, as at a door."""
        await self._look_around(app)
        loop = asyncio.get_running_loop()
        arrival, end = loop.time(), None if seconds is None else loop.time() + seconds
        async with asyncio.TaskGroup() as queue:
            while True:
                arrival += self._draw.expovariate(self.rate)
                if end is not None and arrival >= end:
                    break
                await asyncio.sleep(max(0.0, arrival - loop.time()))
                till = self._draw.choice(self.tills)
                queue.create_task(self._send(app, self._next(till), till))

    async def _look_around(self, app: Application) -> None:
        head = await app.head()
        found = await app.ask(FindProducts(limit=_PAGE), after=head, wait=60)
        self._products = [(item.product, item.price) for item in found]
        self._weights = [1 / (5 + place) for place in range(len(self._products))]
        self._draw.shuffle(self._weights)
        self._customers = [row.customer for row in await app.ask(FindCustomers(limit=_PAGE), after=head, wait=60)]

    async def _send(self, app: Application, command: Command[Any], till: str) -> None:
        result = await app.send(command, principal=f"cashier at {till}")
        name = type(command).__name__
        self.counts[f"{name} {result.status}"] += 1
        if isinstance(command, ProcessSale) and isinstance(result, Accepted):
            self._sold.append(str(result.value))

    def _next(self, till: str) -> Command[Any]:
        match self._draw.choices([*_SHARES], [*_SHARES.values()])[0]:
            case "return":
                [(code, price)] = self._picked(1)
                return AcceptReturn(lines=(ReturnLine(code, 1, price),), refund="cash", till=till)
            case "cancel" if self._sold:
                return CancelSale(self._sold.pop(), "wrong articles scanned")
            case "delivery":
                [(code, _)] = self._picked(1)
                return AdjustStock(product=code, delta=self._draw.randrange(100, 400), reason="delivery", till=till)
            case "price":
                [(code, price)] = self._picked(1)
                return ChangePrice(
                    code, (price * self._draw.choice([90, 95, 105, 110]) / 100).quantize(Decimal("0.01"))
                )
            case _:
                return self._sale(till)

    def _sale(self, till: str) -> ProcessSale:
        lines = [SaleLine(code, self._draw.choice([1, 1, 1, 2, 3, 6])) for code, _ in self._picked(self._basket())]
        customer = self._draw.choice(self._customers) if self._customers and self._draw.random() < _KNOWN else None
        credit = customer is not None and self._draw.random() < _ON_CREDIT
        return ProcessSale(lines=tuple(lines), payment="credit" if credit else "cash", customer=customer, till=till)

    def _basket(self) -> int:
        return min(12, 1 + int(self._draw.expovariate(0.4)))

    def _picked(self, count: int) -> Sequence[tuple[str, Decimal]]:
        return self._draw.choices(self._products, self._weights, k=count)
