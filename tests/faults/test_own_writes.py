"""A client reads its own writes by passing on a position, however slow the projection in another process is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from tests.faults.processes import line, process
from tests.sizes import size

BANK = "tests.faults.bank"
TIMES = size(40, full=1000)
DELAY = "0.05"

pytestmark = [pytest.mark.fault, pytest.mark.timeout(TIMES + 60)]


async def send(client: httpx2.AsyncClient, name: str, **fields: object) -> httpx2.Response:
    response = await client.post(f"/commands/{name}", json=fields)
    assert response.status_code == 200, response.text
    return response


async def amount(client: httpx2.AsyncClient, account: UUID, **headers: str) -> int:
    response = await client.get("/queries/GetBalance", params={"account": str(account)}, headers=headers)
    assert response.status_code == 200, response.text
    return int((response.json() or {"amount": 0})["amount"])


async def test_a_query_after_a_position_sees_it_and_one_without_is_shown_to_be_stale(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    stale = own = 0
    async with (
        process(BANK, "project", tmp_path, FOLD_DELAY=DELAY) as projecting,
        process(BANK, "serve", tmp_path) as serving,
    ):
        assert await line(projecting) == "ready"
        async with httpx2.AsyncClient(base_url=await line(serving), timeout=10) as client:
            opened = await send(client, "OpenAccount", owner="ada")
            account = UUID(opened.json()["result"])
            await amount(client, account, **{"Diptych-After": opened.headers["Diptych-Position"]})
            for expected in range(1, TIMES + 1):
                moved = await send(client, "Move", account=str(account), amount=1)
                stale += await amount(client, account) < expected
                position = moved.headers["Diptych-Position"]
                own += await amount(client, account, **{"Diptych-After": position}) == expected

    assert own == TIMES
    assert stale > TIMES // 2, "without a position the reads were not stale, so nothing was shown"
    record_property("own writes read", f"{own} of {TIMES}")
    record_property("stale without a position", stale)
