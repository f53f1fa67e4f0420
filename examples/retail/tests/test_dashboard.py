"""The dashboard: a page that loads from the shop alone, and asks nothing but public queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import retail.dashboard
from diptych.web.app import asgi_app
from retail.app import build
from retail.dashboard import dashboard_routes

ASSETS = Path(retail.dashboard.__file__).parent / "assets"


@pytest.fixture
def browser() -> Iterator[TestClient]:
    shop = asgi_app(build(), routes=dashboard_routes())
    with TestClient(shop, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/dashboard"])
def test_the_page_is_served_and_may_load_nothing_from_elsewhere(browser: TestClient, path: str) -> None:
    page = browser.get(path)

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_everything_that_the_page_loads_is_served_with_its_type(browser: TestClient) -> None:
    html = browser.get("/").text
    loaded = re.findall(r'(?:src|href)="(dashboard/[^"]+)"', html)
    imported = re.findall(r'from "\./([^"]+)"', (ASSETS / "dashboard.js").read_text())

    types = {path: browser.get(f"/{path}").headers["content-type"] for path in [*loaded, f"dashboard/{imported[0]}"]}

    assert types == {
        "dashboard/icon.svg": "image/svg+xml",
        "dashboard/dashboard.css": "text/css; charset=utf-8",
        "dashboard/dashboard.js": "text/javascript; charset=utf-8",
        "dashboard/money.js": "text/javascript; charset=utf-8",
    }


def test_the_page_asks_only_queries_that_there_are(browser: TestClient) -> None:
    asked = set(re.findall(r'ask\("(\w+)"', (ASSETS / "dashboard.js").read_text()))
    known = browser.get("/openapi.json").json()["paths"]

    assert {f"/queries/{name}" for name in asked} <= known.keys()
    assert {"GetDashboard", "GetSalesReport", "FindProducts"} <= asked


def test_every_element_that_the_script_looks_for_is_on_the_page(browser: TestClient) -> None:
    script = (ASSETS / "dashboard.js").read_text()
    wanted = set(re.findall(r'\b(?:at|show|fill)\("([\w-]+)"', script))

    missing = wanted - set(re.findall(r'id="([\w-]+)"', browser.get("/").text))

    assert not missing


def test_money_never_becomes_a_float() -> None:
    for script in ASSETS.glob("*.js"):
        assert not re.search(r"parseFloat|toFixed", script.read_text())


def test_another_host_is_not_served(browser: TestClient) -> None:
    answer = browser.get("/", headers={"host": "evil.example"})

    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")
