"""The command service and the query service as processes of their own, joined by nothing but the events of one log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from orders.place import Place

STAFF = {"x-diptych-user": "staff"}
HOME = {"name": "Ada", "street": "12 St James's Square", "city": "London", "postcode": "SW1Y 4JH", "country": "GB"}


@contextmanager
def service(name: str, data: Place, write: str) -> Iterator[httpx.Client]:
    """Start a service on a free port and return a client of it."""
    command = [sys.executable, "-c", "from orders.cli import main; main()", name, "--data", str(data), "--port", "0"]
    environment = {**os.environ, "ORDERS_WRITE": write, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[0]
            with httpx.Client(base_url=address, headers=STAFF, timeout=20) as client:
                yield client
        finally:
            process.terminate()


@pytest.mark.parametrize(("write", "queriers"), [("sourced", 2), ("normalised", 1)])
def test_what_one_process_accepted_others_show(home: Place, write: str, queriers: int) -> None:
    with ExitStack() as stack:
        first, second = [stack.enter_context(service("command-service", home, write)) for _ in range(2)]
        queries = [stack.enter_context(service("query-service", home, write)) for _ in range(queriers)]
        ada = _made(first, "/customers", name="Ada", email="ada@example.org")
        mug = _made(second, "/products", name="mug", category="kitchen", price="2.50")
        items = [{"product": mug, "quantity": 2}]
        order = _made(first, "/orders", customer=ada, items=items, shipping=HOME, payment="card")
        placed = second.post(f"/orders/{order}/placement")
        token = placed.headers["diptych-position"]

        shown = [query.get(f"/orders/{order}", headers={"diptych-after": token}) for query in queries]

    assert placed.status_code == 204, placed.text
    for answer in shown:
        assert answer.status_code == 200, answer.text
        assert (answer.json()["data"]["status"], answer.json()["data"]["total"]) == ("placed", "5.00")
        assert int(answer.headers["diptych-position"]) >= int(token)


def test_commands_need_no_query_service_and_one_that_starts_later_shows_them_all(tmp_path: Path) -> None:
    with service("command-service", tmp_path, "sourced") as commands:
        ada = _made(commands, "/customers", name="Ada", email="ada@example.org")
        served = commands.get("/openapi.json").json()["paths"]
        assert not (tmp_path / "orders-reads.db").exists()

    with service("query-service", tmp_path, "sourced") as queries:
        shown = queries.get(f"/customers/{ada}", headers={"diptych-after": "1"})
        asked = queries.get("/openapi.json").json()["paths"]

    assert shown.json()["data"]["name"] == "Ada"
    assert {method for path in served.values() for method in path} == {"post", "put"}
    assert "post" not in asked["/orders"]


def _made(client: httpx.Client, path: str, **body: Any) -> str:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"])
