"""Acts of sale lines: what happened in the shop, one command each, with a key that the same file always gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from retail.customers import RegisterCustomer
from retail.importing.lines import Line, lines_of
from retail.importing.records import Malformed
from retail.importing.stages import Act, Hear, Plan, Reject, told
from retail.importing.survey import Survey, Tick, survey_of
from retail.ledger import PostLedgerAdjustment
from retail.products import CreateProduct
from retail.returns import AcceptReturn, ReturnLine
from retail.sales import ProcessSale, SaleLine
from retail.settings import ShopSettings
from retail.stock import AdjustStock
from retail.values import ZERO


def planned(file: Path, settings: ShopSettings, reject: Reject, hear: Hear) -> Plan:
    """Survey sale lines and return what they ask for."""
    survey = survey_of(file, lambda done: hear("survey", done, None))
    hear("survey", survey.lines, survey.lines)
    return Plan(survey.lines, _stages(file, survey, settings, reject, hear))


def _stages(file: Path, survey: Survey, settings: ShopSettings, reject: Reject, hear: Hear) -> Iterator[Iterator[Act]]:
    yield told(products(survey), hear, "products", len(survey.products))
    yield told(customers(survey), hear, "customers", len(survey.customers))
    yield documents(file, survey, settings, reject=reject, tick=lambda count: hear("documents", count, survey.lines))


def products(survey: Survey) -> Iterator[Act]:
    """Yield a product for each stock code."""
    for code, product in survey.products.items():
        command = CreateProduct(product=code, description=product.description or code, price=product.price)
        yield Act(command, f"product:{code}")


def customers(survey: Survey) -> Iterator[Act]:
    """Yield a registration for each customer."""
    for customer in survey.customers:
        if customer is not None:
            yield Act(RegisterCustomer(customer=customer, name=f"Customer {customer}"), f"customer:{customer}")


def documents(file: Path, survey: Survey, settings: ShopSettings, *, reject: Reject, tick: Tick) -> Iterator[Act]:
    """Read the file again and yield each document at its last line, each movement at its line.

    Lines of a document may lie anywhere; only documents that have begun and not ended are held.
    """
    begun: dict[str, list[Line]] = {}
    for count, line in enumerate(lines_of(file), 1):
        tick(count)
        if isinstance(line, Malformed):
            reject(line)
        elif line.number in survey.rejected:
            reject(Malformed(line.place, line.number, survey.rejected[line.number], line.text))
        elif line.rule == "movement":
            yield _movement(line, settings)
        else:
            lines = begun.setdefault(line.number, [])
            lines.append(line)
            if len(lines) == survey.sizes[line.number]:
                yield _document(begun.pop(line.number), settings)


def _document(lines: Sequence[Line], settings: ShopSettings) -> Act:
    match lines[0].rule:
        case "sale":
            return Act(_sale(lines, settings), f"sale:{lines[0].number}", lines)
        case "return":
            return Act(_return(lines, settings), f"return:{lines[0].number}", lines)
        case _:
            return Act(_adjustment(lines, settings), f"adjustment:{lines[0].number}", lines)


def _sale(lines: Sequence[Line], settings: ShopSettings) -> ProcessSale:
    first = lines[0]
    return ProcessSale(
        lines=tuple([SaleLine(line.code, line.quantity, line.price) for line in lines]),
        payment="cash",
        customer=first.customer,
        number=first.number,
        sold_at=settings.local(first.at),
    )


def _return(lines: Sequence[Line], settings: ShopSettings) -> AcceptReturn:
    first = lines[0]
    return AcceptReturn(
        lines=tuple([ReturnLine(line.code, -line.quantity, line.price) for line in lines]),
        refund="cash",
        customer=first.customer,
        number=first.number,
        returned_at=settings.local(first.at),
    )


def _adjustment(lines: Sequence[Line], settings: ShopSettings) -> PostLedgerAdjustment:
    first = lines[0]
    amount: Decimal = sum((line.quantity * line.price for line in lines), ZERO)
    return PostLedgerAdjustment(
        amount=amount,
        reason=first.description or first.code,
        units=sum(line.quantity for line in lines),
        number=first.number,
        posted_at=settings.local(first.at),
    )


def _movement(line: Line, settings: ShopSettings) -> Act:
    command = AdjustStock(
        product=line.code,
        delta=line.quantity,
        reason=line.description or "no reason given",
        number=line.number,
        moved_at=settings.local(line.at),
    )
    return Act(command, f"movement:{line.number}:{line.place}", (line,))
