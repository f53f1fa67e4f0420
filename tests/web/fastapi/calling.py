"""Calling the library's API in this process."""

from __future__ import annotations

from typing import Any

import httpx2
from fastapi import FastAPI

NOBODY = "00000000-0000-0000-0000-000000000007"
LOAN = {"reader": "Ann", "until": "2026-12-01T10:00:00Z"}


def client_of(api: FastAPI, *, base_url: str = "http://localhost", address: str = "127.0.0.1") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(api, client=(address, 4711), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=base_url)


async def bought(client: httpx2.AsyncClient, title: str = "Emma", **fields: Any) -> str:
    """Buy a book and return its id, once queries see it."""
    answer = await client.post("/v1/books", json={"title": title, "price": "3.50", **fields})
    assert answer.status_code == 201, answer.text
    client.headers["diptych-after"] = answer.headers["diptych-position"]
    found: str = answer.json()["data"]
    return found


def told(answer: httpx2.Response) -> tuple[int, str]:
    """The status and type of a problem, whose body says the same status."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["type"]
