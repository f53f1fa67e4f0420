"""The shop over HTTP: what a till sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from diptych.web.app import asgi_app
from retail.app import build

MUG = {
    "product": "MUG",
    "description": "red mug",
    "price": "2.50",
    "cost": "1.10",
    "minimum_stock": 9,
    "opening_stock": 10,
}
TILL = {"x-diptych-user": "ada"}


@pytest.fixture
def till() -> Iterator[TestClient]:
    with TestClient(asgi_app(build()), base_url="http://127.0.0.1:8000", headers=TILL) as client:
        assert client.post("/commands/CreateProduct", json=MUG).json()["result"] == "MUG"
        yield client


def sale(**fields: Any) -> dict[str, Any]:
    return {"lines": [{"product": "MUG", "quantity": 2}], "payment": "cash", "till": "T1"} | fields


def test_a_sale_is_read_right_after_it_was_made(till: TestClient) -> None:
    made = till.post("/commands/ProcessSale", json=sale())
    after = {"Diptych-After": str(made.json()["position"])}

    summary = till.get("/queries/GetSale?sale=T1-000001", headers=after).json()
    product = till.get("/queries/GetProduct?product=MUG", headers=after).json()

    assert made.json()["result"] == "T1-000001"
    assert (summary["total"], summary["seller"]) == ("5.0000", "ada")
    assert (product["in_stock"], product["is_low_stock"], product["stock_value"]) == (8, True, "8.8000")


def test_blank_code_negative_quantity_and_no_payment_are_three_field_errors_at_once(till: TestClient) -> None:
    wrong = sale(lines=[{"product": " ", "quantity": -2}])
    del wrong["payment"]

    answer = till.post("/commands/ProcessSale", json=wrong)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert answer.json()["errors"].keys() == {"lines[0].product", "lines[0].quantity", "payment"}


def test_two_unknown_products_are_two_errors_with_their_paths(till: TestClient) -> None:
    lines = [{"product": code, "quantity": 1} for code in ("X", "MUG", "Y")]

    answer = till.post("/commands/ProcessSale", json=sale(lines=lines))

    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "lines[0].product": ["there is no product X"],
        "lines[2].product": ["there is no product Y"],
    }


def test_more_than_the_stock_is_refused_with_what_there_is_and_what_was_asked(till: TestClient) -> None:
    answer = till.post("/commands/ProcessSale", json=sale(lines=[{"product": "MUG", "quantity": 11}]))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/refused/out-of-stock")
    assert answer.json()["data"] == {"available": 10, "asked": 11, "product": "MUG"}


def test_a_product_is_edited_only_as_it_was_seen(till: TestClient) -> None:
    seen = till.get("/queries/GetProductForEdit?product=MUG", headers={"Diptych-After": "1"})
    as_seen = {"If-Match": f'"{seen.headers["Diptych-Position"]}"'}
    change = {"product": "MUG", "price": "3.00"}

    first = till.post("/commands/ChangePrice", json=change, headers=as_seen)
    second = till.post("/commands/ChangePrice", json=change | {"price": "2.00"}, headers=as_seen)

    assert (first.status_code, second.status_code) == (200, 412)


def test_every_command_and_query_is_described(till: TestClient) -> None:
    paths = till.get("/openapi.json").json()["paths"]

    assert {"/commands/ProcessSale", "/commands/AcceptReturn", "/queries/GetDashboard"} <= paths.keys()
    assert all(operation["summary"] for path in paths.values() for operation in path.values())
