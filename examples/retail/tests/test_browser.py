"""The dashboard in a real browser: it shows what the API says, live, on a desk and on a phone, without a complaint."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from diptych import Application
from diptych.web.app import asgi_app
from diptych.web.server import configured
from retail.app import build
from retail.dashboard import dashboard_routes
from retail.place import Place
from retail.queries.dashboard import Dashboard, GetDashboard
from retail.queries.products import FindProducts
from retail.queries.statistics import ListBestSellers
from retail.sales import ProcessSale, SaleLine
from retail.settings import ShopSettings
from retail.traffic import stocked

SALES = 40
WORSE = ("error", "warning", "assert")
SHOWN = """new Promise((done) => {
  const look = () => { if (%s) { observer.disconnect(); done(true); } };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  look();
})"""


class Browser:
    """Chromium without a screen, steered through a pipe by the DevTools protocol; one page."""

    def __init__(self, reader: asyncio.StreamReader, writer: int) -> None:
        self._reader, self._writer, self._numbers = reader, writer, count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._session: str | None = None
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Take in answers and complaints until the browser is gone."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while told := await self._reader.readuntil(b"\0"):
                self._take(json.loads(told[:-1]))

    async def do(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        session = {} if self._session is None else {"sessionId": self._session}
        command = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._writer, json.dumps(command).encode() + b"\0")
        async with asyncio.timeout(30):
            return await answer

    async def open(self, address: str, width: int) -> None:
        """Open a page in a window of this width and wait until its figures are there."""
        target = (await self.do("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.do("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.do(f"{domain}.enable")
        phone = width < 600
        await self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        await self.do("Page.navigate", url=address)
        await self.until("document.querySelector('#main')?.getAttribute('aria-busy') === 'false'")

    async def run(self, script: str) -> Any:
        """Run a script in the page and return what it comes to."""
        found = await self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a condition holds in the page, which may still be on its way."""
        async with asyncio.timeout(20):
            while True:
                try:
                    await self.run(SHOWN % condition)
                except (AssertionError, RuntimeError):
                    continue  # the page was left for the next one
                else:
                    return

    async def text(self, element: str) -> str:
        """Return what an element shows."""
        return str(await self.run(f"document.getElementById('{element}').textContent"))

    async def rows(self, body: str) -> list[str]:
        """Return the first cell of each row of a table, without its small print."""
        cells = f"[...document.querySelectorAll('#{body} tr th')].map((cell) => cell.firstChild.textContent)"
        return list(await self.run(cells))

    def _take(self, told: dict[str, Any]) -> None:
        if "id" in told:
            answer = self._answers.pop(told["id"])
            if not answer.done():
                answer.set_exception(RuntimeError(told["error"])) if "error" in told else answer.set_result(
                    told["result"]
                )
            return
        given = told.get("params", {})
        entry = given.get("entry", {})
        if told["method"] == "Runtime.exceptionThrown" or given.get("type") in WORSE or entry.get("level") in WORSE:
            self.complaints.append(json.dumps(given))


def chromium() -> str:
    """Return the browser's program; where there is none skip, and fail in CI."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing = "there is no chromium on this machine: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return str(program)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    program = chromium()
    told, tell = os.pipe()
    heard, hear = os.pipe()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--lang=en"]
    started = [f'exec "$0" "$@" 3<&{told} 4>&{hear}', program, *flags, f"--user-data-dir={tmp_path / 'profile'}"]
    child = await asyncio.create_subprocess_exec(
        "bash", "-c", *started, pass_fds=(told, hear), stdout=DEVNULL, stderr=DEVNULL
    )
    os.close(told)
    os.close(hear)
    reader = asyncio.StreamReader(limit=1 << 26)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(heard, "rb", 0)
    )
    opened = Browser(reader, tell)
    listening = asyncio.create_task(opened.listen())
    try:
        yield opened
    finally:
        child.kill()
        await child.wait()
        listening.cancel()
        await asyncio.wait([listening])
        transport.close()
        os.close(tell)


@contextlib.asynccontextmanager
async def serving(data: Place) -> AsyncIterator[tuple[Application, str]]:
    """Open a shop with some sales of today, and serve it."""
    async with build(data) as shop:
        await stocked(shop, 1)
        found = await shop.ask(FindProducts(limit=20), after=await shop.head())
        codes = [product.product for product in found.items]
        for number in range(SALES):
            lines = tuple(SaleLine(codes[(number * 7 + line) % len(codes)], line + 1) for line in range(3))
            (await shop.send(ProcessSale(lines=lines, payment="cash", till="T1"))).unwrap()
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(configured(asgi_app(shop, routes=dashboard_routes())))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield shop, f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = server.force_exit = True
            await task


async def board_of(shop: Application) -> Dashboard:
    return await shop.ask(GetDashboard(ShopSettings().day_of(shop.clock.now())), after=await shop.head())


def shown(number: Any) -> str:
    """Return a figure as the page shows it: thousands apart, money with at least two places."""
    whole, _, places = str(number).partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u202f")
    return grouped if isinstance(number, int) else f"{grouped}.{places.rstrip('0'):0<2}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_dashboard_shows_what_the_api_says(browser: Browser, tmp_path: Path, width: int) -> None:
    async with serving(tmp_path) as (shop, address):
        board = await board_of(shop)
        best = await shop.ask(ListBestSellers(by="net_revenue"), after=await shop.head())
        assert board.today.count > 0

        await browser.open(address, width)

        expected = {
            "today-total": board.today.total,
            "today-count": board.today.count,
            "today-average": board.today.average,
            "week-total": board.week.total,
            "week-count": board.week.count,
            "inventory-value": board.inventory_value,
            "low-stock": board.low_stock,
        }
        assert {name: await browser.text(name) for name in expected} == {
            name: shown(figure) for name, figure in expected.items()
        }
        assert await browser.rows("recent") == [sale.sale for sale in board.recent]
        assert (await browser.rows("best"))[:3] == [row.description for row in best.items[:3]]
        assert await browser.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert browser.complaints == []


@pytest.mark.timeout(180)
async def test_the_dashboard_follows_a_sale_and_searches(browser: Browser, home: Place) -> None:
    async with serving(home) as (shop, address):
        await browser.open(address, 1280)
        sale = ProcessSale(lines=(SaleLine("MUG000", 1),), payment="cash", till="T9")
        (await shop.send(sale)).unwrap()
        total = shown((await board_of(shop)).today.total)

        await browser.until(f"document.getElementById('today-total').textContent === '{total}'")
        await browser.run(
            "(() => { const text = document.getElementById('text'); text.value = 'mug'; "
            "text.dispatchEvent(new Event('input', { bubbles: true })); })()"
        )
        await browser.until(
            "[...document.querySelectorAll('#products tr th')].every("
            "(cell) => /mug/i.test(cell.textContent)) && document.querySelector('#products tr th')"
        )

        assert browser.complaints == []
