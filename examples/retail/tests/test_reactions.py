"""Reactions: what customers, the buyer and a search engine are told, and what they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import pytest

from diptych import Application, Envelope
from diptych.testing import NOON
from retail.app import build
from retail.customers import CustomerRegistered, RegisterCustomer
from retail.departments import OpenDepartment, RenameDepartment
from retail.products import ChangePrice, CreateProduct
from retail.reactions.mail import welcome
from retail.reactions.ports import LoggedIndex, LoggedMailer, Mailer, SearchIndex
from retail.sales import CancelSale, ProcessSale, SaleLine
from retail.views.search import ProductFound


class Letters(LoggedMailer):
    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}

    async def send(self, to: str, text: str, *, key: str) -> None:
        self.sent.setdefault(key, (to, text))

    @property
    def texts(self) -> list[tuple[str, str]]:
        return list(self.sent.values())


class Engine(LoggedIndex):
    def __init__(self) -> None:
        self.products: dict[str, ProductFound] = {}

    async def put(self, product: ProductFound) -> None:
        self.products[product.product] = product


LETTERS, ENGINE = Letters(), Engine()


def letters() -> Mailer:
    return LETTERS


def engine() -> SearchIndex:
    return ENGINE


@pytest.fixture
async def shop() -> AsyncIterator[Application]:
    LETTERS.sent.clear()
    ENGINE.products.clear()
    async with build(subscribers="inline", provide=[letters, engine]) as shop:
        for command in (
            OpenDepartment("K", "Kitchen"),
            RegisterCustomer("17850", "Ada"),
            CreateProduct(
                product="MUG",
                description="red mug",
                price=Decimal(2),
                minimum_stock=5,
                opening_stock=8,
                department="K",
            ),
        ):
            (await shop.send(command)).unwrap()
        yield shop


def sale(quantity: int, customer: str | None = None) -> ProcessSale:
    return ProcessSale(lines=(SaleLine("MUG", quantity),), payment="cash", till="T1", customer=customer)


async def test_a_customer_is_welcomed(shop: Application) -> None:
    assert LETTERS.texts == [("17850", "Welcome, Ada")]


async def test_the_buyer_hears_once_that_a_product_ran_low(shop: Application) -> None:
    for quantity in (3, 1, 1):
        (await shop.send(sale(quantity))).unwrap()

    assert LETTERS.texts[1:] == [("buyer", "4 of MUG left, 5 is the minimum")]


async def test_a_known_customer_hears_of_a_cancelled_sale_and_nobody_else_does(shop: Application) -> None:
    for number, customer in enumerate(("17850", None), 1):
        (await shop.send(sale(1, customer))).unwrap()
        (await shop.send(CancelSale(f"T1-{number:06}", "mistake"))).unwrap()

    assert LETTERS.texts[1:] == [("17850", "Ada, sale T1-000001 was cancelled: mistake")]


async def test_the_search_engine_has_what_the_shop_finds(shop: Application) -> None:
    (await shop.send(ChangePrice("MUG", Decimal(3)))).unwrap()
    (await shop.send(RenameDepartment("K", "Cooking"))).unwrap()

    assert ENGINE.products == {"MUG": ProductFound("MUG", "red mug", "K", "Cooking", Decimal(3), available=True)}


async def test_a_handler_is_a_function() -> None:
    alone = Letters()
    envelope = Envelope(UUID(int=7), 1, "customer.registered", 1, NOON)

    for _ in range(2):
        await welcome(CustomerRegistered("1", "Grace", Decimal(0)), envelope, alone)

    assert alone.sent == {str(UUID(int=7)): ("1", "Welcome, Grace")}
