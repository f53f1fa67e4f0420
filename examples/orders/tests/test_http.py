"""The API over HTTP: envelopes, statuses, pages, and the headers that make it safe to try again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from diptych.testing import FixedClock
from orders.api import api_of
from orders.app import build
from orders.place import Place
from orders.settings import OrderSettings, WriteModel

HOME = {"name": "Ada", "street": "12 St James's Square", "city": "London", "postcode": "SW1Y 4JH", "country": "GB"}
STAFF = {"x-diptych-user": "staff"}


@pytest.fixture(params=["sourced", "normalised"])
def client(request: pytest.FixtureRequest, home: Place) -> Iterator[TestClient]:
    """Return a client of the API, on either write model."""
    write: WriteModel = request.param
    settings = OrderSettings(write)
    api = api_of(build(home, settings, clock=FixedClock()), settings)
    with TestClient(api, base_url="http://127.0.0.1:8000", headers=STAFF) as client:
        yield client


@pytest.fixture
def ada(client: TestClient) -> str:
    """Return the id of a customer."""
    return made(client, "/customers", name="Ada", email="ada@example.org")


@pytest.fixture
def mug(client: TestClient) -> str:
    """Return the id of a product."""
    return made(client, "/products", name="mug", category="kitchen", price="2.50")


def made(client: TestClient, path: str, **body: Any) -> str:
    """Create something and return its id."""
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"])


def draft(customer: str, *items: tuple[str, int], **more: Any) -> dict[str, Any]:
    """Return the body that begins an order."""
    lines = [{"product": product, "quantity": quantity} for product, quantity in items]
    return {"customer": customer, "items": lines, "shipping": HOME, "payment": "card"} | more


def after(answer: Any) -> dict[str, str]:
    """Return the header of a request that must see what an earlier one did."""
    return {"diptych-after": answer.headers["diptych-position"]}


def test_an_order_is_created_and_read_in_an_envelope(client: TestClient, ada: str, mug: str) -> None:
    created = client.post("/orders", json=draft(ada, (mug, 2)))
    shown = client.get(f"/orders/{created.json()['data']}", headers=after(created))

    assert created.status_code == 201
    assert shown.status_code == 200
    order = shown.json()["data"]
    assert (order["status"], order["total"], order["customer_name"]) == ("draft", "5.00", "Ada")
    assert order["items"][0] == {
        "product": mug, "name": "mug", "category": "kitchen", "quantity": 2, "price": "2.50", "amount": "5.00",
    }  # fmt: skip


def test_what_is_wrong_with_an_order_is_told_all_at_once_and_as_a_bad_request(client: TestClient) -> None:
    wrong = draft("x", ("y", 0), payment="gold") | {"shipping": HOME | {"name": " ", "country": "gb"}}

    answer = client.post("/orders", json=wrong)

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {
        "customer", "items[0].product", "items[0].quantity", "payment", "shipping.name", "shipping.country",
    }  # fmt: skip


def test_an_order_of_unknown_things_is_a_bad_request(client: TestClient, ada: str) -> None:
    answer = client.post("/orders", json=draft(ada, (ada, 1)))

    assert answer.status_code == 400
    assert answer.json()["errors"] == {"items[0].product": [f"there is no product {ada}"]}


def test_what_cannot_be_created_is_a_bad_request_and_what_is_taken_a_conflict(client: TestClient, ada: str) -> None:
    blank = client.post("/customers", json={"name": " ", "email": "x"})
    free = client.post("/products", json={"name": "mug", "category": "kitchen", "price": "-1"})
    taken = client.post("/customers", json={"name": "Ida", "email": "ADA@example.org"})

    assert [answer.status_code for answer in (blank, free, taken)] == [400, 400, 409]
    assert blank.json()["errors"].keys() == {"name", "email"}
    assert taken.json()["type"] == "/problems/refused/email-taken"


def test_what_is_not_there_is_404(client: TestClient, mug: str) -> None:
    for path in ("/orders", "/customers", "/products"):
        assert client.get(f"{path}/00000000-0000-0000-0000-000000000001").status_code == 404, path
    assert client.post(f"/orders/{mug}/placement").status_code == 404


def test_orders_are_found_page_by_page_with_their_total(client: TestClient, ada: str, mug: str) -> None:
    orders = [client.post("/orders", json=draft(ada, (mug, count))) for count in (1, 2, 3)]
    client.post(f"/orders/{orders[2].json()['data']}/placement")
    wanted = f"/orders?customer={ada}&minimum=5.00&sort=total&size=1"

    first, second = (client.get(f"{wanted}&page={page}", headers=after(orders[2])) for page in (1, 2))

    assert (first.json()["total"], first.json()["limit"]) == (2, 1)
    totals = [answer.json()["data"][0]["total"] for answer in (first, second)]
    assert totals == ["5.00", "7.50"]
    assert 'rel="next"' in first.headers["link"]
    assert client.get("/orders?page=0&size=9999").status_code == 422


def test_a_search_takes_status_and_days(client: TestClient, ada: str, mug: str) -> None:
    order = made_order(client, ada, mug)
    placed = client.post(f"/orders/{order}/placement")

    def found(query: str) -> int:
        return int(client.get(f"/orders?{query}", headers=after(placed)).json()["total"])

    assert [found("status=placed"), found("status=paid")] == [1, 0]
    assert [found("first=2026-01-01&last=2026-01-01"), found("first=2026-01-02")] == [1, 0]


def made_order(client: TestClient, customer: str, product: str) -> str:
    """Begin an order of one item and return its id."""
    return str(client.post("/orders", json=draft(customer, (product, 1))).json()["data"])


def test_an_order_lives_its_life_over_http(client: TestClient, ada: str, mug: str) -> None:
    order = made_order(client, ada, mug)

    answers = [
        client.post(f"/orders/{order}/items", json={"product": mug, "quantity": 3}),
        client.put(f"/orders/{order}/shipping-address", json={"address": HOME | {"city": "Bath"}}),
        client.post(f"/orders/{order}/placement"),
        client.post(f"/orders/{order}/status", json={"status": "paid", "reason": "by card"}),
        client.post(f"/orders/{order}/invoice"),
    ]
    shown = client.get(f"/orders/{order}", headers=after(answers[-1])).json()["data"]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 204, 201]
    assert answers[-1].json() == {"data": 1}
    assert (shown["status"], shown["total"], shown["invoice"]) == ("paid", "10.00", 1)
    assert shown["shipping"]["city"] == "Bath"
    assert [(step["status"], step["by"], step["reason"]) for step in shown["history"]] == [
        ("draft", "staff", None),
        ("placed", "staff", None),
        ("paid", "staff", "by card"),
    ]


def test_a_step_that_is_not_allowed_says_what_is(client: TestClient, ada: str, mug: str) -> None:
    order = made_order(client, ada, mug)

    answer = client.post(f"/orders/{order}/status", json={"status": "delivered"})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/refused/no-such-step")
    assert answer.json()["data"]["allowed"] == ["cancelled"]


def test_an_order_is_changed_only_as_it_was_seen(client: TestClient, ada: str, mug: str) -> None:
    created = client.post("/orders", json=draft(ada, (mug, 1)))
    items, seen = f"/orders/{created.json()['data']}/items", {"if-match": f'"{created.headers["diptych-position"]}"'}

    first = client.post(items, json={"product": mug, "quantity": 1}, headers=seen)
    second = client.post(items, json={"product": mug, "quantity": 1}, headers=seen)

    assert (first.status_code, second.status_code) == (204, 412)


def test_a_request_with_a_key_can_be_sent_again(client: TestClient, ada: str, mug: str) -> None:
    keyed = {"idempotency-key": "basket-7"}

    first, again = (client.post("/orders", json=draft(ada, (mug, 1)), headers=keyed) for _ in range(2))
    other = client.post("/orders", json=draft(ada, (mug, 2)), headers=keyed)

    assert first.json() == again.json()
    assert client.get("/orders", headers=after(again)).json()["total"] == 1
    assert other.status_code == 422


def test_customers_see_their_own_orders_only(client: TestClient, ada: str, mug: str) -> None:
    order = made_order(client, ada, mug)
    hers, others = {"x-diptych-user": ada}, {"x-diptych-user": mug}
    client.get("/orders", headers=after(client.post(f"/orders/{order}/placement")))

    assert client.get(f"/orders/{order}", headers=hers).status_code == 200
    assert client.get(f"/orders/{order}", headers=others).status_code == 404
    assert client.get(f"/customers/{ada}/orders", headers=hers).json()["data"]["totals"]["orders"] == 1
    assert client.get(f"/customers/{ada}/orders", headers=others).status_code == 403
    assert client.get("/segments", headers=hers).status_code == 403


def test_aggregate_views_are_refreshed_by_the_staff(client: TestClient, ada: str, mug: str) -> None:
    placed = client.post(f"/orders/{made_order(client, ada, mug)}/placement")
    client.get("/orders", headers=after(placed))

    refused = client.post("/views/category_sales/refresh", headers={"x-diptych-user": ada})
    refreshed = client.post("/views/category_sales/refresh")

    assert refused.status_code == 403
    assert refreshed.json()["data"]["rows"] == 1
    shown = client.get("/category-sales").json()
    assert shown["data"] == [{"category": "kitchen", "orders": 1, "units": 1, "revenue": "2.50"}]


def test_both_sides_are_measured(client: TestClient, ada: str) -> None:
    client.post("/messages/commands/RegisterCustomer", json={"name": "Ida", "email": "ida@example.org"})
    client.get(f"/messages/queries/GetCustomer?customer={ada}")

    figures = client.get("/messages/metrics").text

    assert "RegisterCustomer" in figures
    assert "GetCustomer" in figures


def test_the_staff_sees_what_others_sent_and_who_changed_a_row_and_customers_do_not(
    client: TestClient, ada: str, mug: str
) -> None:
    hers = {"x-diptych-user": ada}
    placed = client.post(f"/orders/{made_order(client, ada, mug)}/placement")
    client.get("/orders", headers=after(placed))

    trace = client.get(f"/messages/commands/{placed.headers['diptych-position']}/trace")
    sent = client.get("/messages/commands?outcome=accepted&limit=1").json()["commands"]

    assert "order_summary" in trace.text
    assert [(each["command"], each["principal"]) for each in sent] == [("PlaceOrder", "staff")]
    for path in ("commands", f"history/customer_view/{ada}/blame"):
        assert client.get(f"/messages/{path}", headers=hers).status_code == 403, path
        assert client.get(f"/messages/{path}").status_code == 200, path


def test_the_catalogue_shows_every_message_and_what_it_leads_to(client: TestClient) -> None:
    page = client.get("/messages/docs/catalogue")

    assert page.status_code == 200
    for name in ("CreateOrder", "OrderPlaced", "order_summary", "SearchOrders", "notices"):
        assert name in page.text


def test_every_command_and_query_is_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    messages = client.get("/messages/openapi.json").json()["paths"]

    assert {"/orders", "/orders/{order}", "/customers/{customer}/orders", "/popular-products"} <= paths.keys()
    assert {"/commands/CreateOrder", "/queries/SearchOrders"} <= messages.keys()
    assert all(operation["summary"] for path in paths.values() for operation in path.values())
