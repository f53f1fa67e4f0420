"""The API against its own OpenAPI document: valid, kept whatever is sent, and good enough for a generated client."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from orders.api import api_of
from orders.app import build
from orders.settings import OrderSettings, WriteModel
from tests.sizes import size
from tests.web.fastapi.conformance import fuzz, generated_client, refuse_invalid, served

EXAMPLES, FEWEST = size(15, full=60), 2000


async def staff() -> str:
    """Return who is asking: the staff, for whom nothing is out of reach."""
    return "staff"


def api(data: Path, write: WriteModel = "sourced") -> FastAPI:
    """Return the API over a folder."""
    settings = OrderSettings(write)
    return api_of(build(data, settings), settings, staff)


def test_the_document_is_valid(tmp_path: Path) -> None:
    refuse_invalid(api(tmp_path).openapi())


@pytest.mark.timeout(300)
def test_the_api_keeps_its_document_whatever_is_sent(tmp_path: Path) -> None:
    with served(api(tmp_path)) as address:
        assert fuzz(address, tmp_path, examples=EXAMPLES) >= FEWEST


@pytest.fixture(params=["sourced", "normalised"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Return a client that was generated from the document, and what loads its modules."""
    served_api = api(tmp_path, request.param)
    with (
        served(served_api) as address,
        generated_client(served_api.openapi(), tmp_path, "orders_client") as load,
        load("client").Client(base_url=address) as opened,
    ):
        yield opened, load


@pytest.mark.timeout(120)
def test_a_generated_client_orders_and_reads_what_it_ordered(client: Any) -> None:
    opened, load = client
    models, commands, queries = load("models"), "api.commands.", "api.queries."
    home = models.Address(name="Ada", street="1 St", city="London", postcode="SW1", country="GB")
    ada = load(commands + "register_customer").sync(
        client=opened, body=models.RegisterCustomer(name="Ada", email="ada@example.org")
    )
    mug = load(commands + "list_product").sync(
        client=opened, body=models.ListProduct(name="mug", category="kitchen", price="2.50")
    )
    item = models.Item(product=mug.data, quantity=2)
    order = models.CreateOrder(customer=ada.data, items=[item], shipping=home, payment=models.CreateOrderPayment.CARD)

    created = load(commands + "create_order").sync_detailed(client=opened, body=order, idempotency_key="basket-1")
    position = int(created.headers["diptych-position"])
    shown = load(queries + "get_order").sync(created.parsed.data, client=opened, diptych_after=position)

    assert created.status_code == HTTPStatus.CREATED
    assert (shown.data.customer_name, shown.data.total, shown.data.items[0].name) == ("Ada", "5.00", "mug")
