"""The report: each of its figures equals one that plain code adds up from the events of the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from diptych import Application, Criteria
from diptych.testing import NOON
from retail.app import build
from retail.ledger import LedgerAdjusted, PostLedgerAdjustment
from retail.place import Place
from retail.products import ProductCreated
from retail.report import figures_of, plain, report_of
from retail.returns import ReturnAccepted
from retail.sales import SaleCancelled, SaleCompleted
from retail.settings import ShopSettings
from retail.stock import InventoryAdjusted, StockAdjusted
from retail.traffic import Traffic, stocked


async def recorded(app: Application) -> list[Any]:
    after, found = 0, list[Any]()
    while True:
        page = await app.store.read(Criteria.all(), after=after, limit=1000)
        found += [event for each in page.events for event in app.codec.read(each.name, each.version, each.data)]
        after = page.through
        if page.complete:
            return found


def papers_of(events: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return every document by its number: its day, its units and its money."""
    papers: dict[str, dict[str, Any]] = {}
    for event in events:
        match event:
            case SaleCompleted():
                papers[event.sale] = {"kind": "sale", "day": event.day, "units": event.units, "money": event.total}
            case SaleCancelled():
                papers[event.sale] |= {"kind": "cancelled", "units": 0, "money": Decimal()}
            case ReturnAccepted():
                papers[event.number] = {
                    "kind": "return",
                    "day": event.day,
                    "units": -event.units,
                    "money": -event.total,
                }
            case StockAdjusted():
                papers[event.number] = {"kind": "movement", "day": event.day, "units": event.delta, "money": Decimal()}
            case LedgerAdjusted():
                papers[event.number] = {
                    "kind": "adjustment",
                    "day": event.day,
                    "units": event.units,
                    "money": event.amount,
                }
            case _:
                pass
    return papers


def worth_of(events: Iterable[Any]) -> dict[str, Decimal]:
    worth: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        match event:
            case SaleCompleted(customer=str(customer)):
                worth[customer] += event.total
            case SaleCancelled(customer=str(customer)) | ReturnAccepted(customer=str(customer)):
                worth[customer] -= event.total
            case _:
                pass
    return worth


def best_day(days: Counter[Any], name: str) -> dict[str, Any]:
    day, most = min(days.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"day": day.isoformat(), name: most}


def figures_from(events: list[Any]) -> dict[str, object]:
    papers = papers_of(events)
    sales = [paper for paper in papers.values() if paper["kind"] == "sale"]
    worth, months = worth_of(events), defaultdict[str, Decimal](Decimal)
    undone = {event.sale for event in events if isinstance(event, SaleCancelled)}
    for paper in papers.values():
        months[f"{paper['day']:%Y-%m}"] += paper["money"]
    customer = min(worth, key=lambda each: (-worth[each], each))
    units = {number: paper["units"] for number, paper in papers.items()}
    ledger = sum(paper["units"] for paper in papers.values() if paper["kind"] == "adjustment")
    return {
        "products": sum(isinstance(event, ProductCreated) for event in events),
        "customers": sum(type(event).__name__ == "CustomerRegistered" for event in events),
        "sales": len(sales),
        "sale_lines": sum(e.lines for e in events if isinstance(e, SaleCompleted) and e.sale not in undone),
        "gross_sales": plain(sum((paper["money"] for paper in sales), Decimal())),
        "net_revenue": plain(sum((paper["money"] for paper in papers.values()), Decimal())),
        "net_units": sum(units.values()),
        "net_units_without_ledger": sum(units.values()) - ledger,
        "total_stock": sum(event.delta for event in events if isinstance(event, InventoryAdjusted)),
        "documents": len(papers),
        "most_documents": best_day(Counter(paper["day"] for paper in papers.values()), "documents"),
        "most_sales": best_day(Counter(paper["day"] for paper in sales), "sales"),
        "top_customer": {"customer": customer, "net_revenue": plain(worth[customer])},
        "net_revenue_by_month": {month: plain(total) for month, total in sorted(months.items())},
    }


async def test_every_figure_equals_a_direct_computation_over_the_log(home: Place) -> None:
    async with build(home, ShopSettings(negative_stock=True)) as shop:
        await stocked(shop, seed=3)
        traffic = Traffic(tills=3, rate=1.0, seed=3)
        await traffic._look_around(shop)
        for number in range(300):
            till = traffic.tills[number % 3]
            await traffic._send(shop, traffic._next(till), till)
        debt = PostLedgerAdjustment(amount=Decimal("-77.25"), reason="bad debt", units=2, till="T9", posted_at=NOON)
        (await shop.send(debt)).unwrap()
        await shop.caught_up()

        figures, events = figures_of(await report_of(shop)), await recorded(shop)

    kinds = Counter(type(event).__name__ for event in events)
    assert min(kinds[name] for name in ("SaleCompleted", "SaleCancelled", "ReturnAccepted", "StockAdjusted")) > 0
    assert figures == figures_from(events)
