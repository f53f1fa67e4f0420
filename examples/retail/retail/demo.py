"""The demo: API, read models, live traffic and a table of figures, in one process on two files."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from diptych import Application
from diptych.web.app import asgi_app
from diptych.web.server import Server, configured
from retail.app import TITLE, build
from retail.dashboard import dashboard_routes
from retail.place import Place, made
from retail.queries.dashboard import Dashboard, GetDashboard
from retail.queries.statistics import ListBestSellers
from retail.report import plain
from retail.settings import ShopSettings
from retail.showing import figures_table
from retail.traffic import Traffic, stocked
from retail.values import average
from retail.views.statistics import ProductSales

_HOST, _TILLS, _RATE, _SEED = "127.0.0.1", 6, 25.0, 1
_CENTS = 2


def demo(data: Place | None, port: int, seconds: float | None) -> None:
    """Run the shop until Ctrl-C, or for so long."""
    with _folder(data) as folder, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_demo(folder, port, seconds))


async def _demo(data: Place, port: int, seconds: float | None) -> None:
    settings, traffic = ShopSettings(), Traffic(_TILLS, _RATE, _SEED)
    async with build(data, settings, subscribers="run") as shop:
        await stocked(shop, traffic.seed)
        async with _served(shop, port) as (address, serving):
            console = Console()
            _explain(console, address, data)
            work = [asyncio.create_task(traffic.run(shop, None)), asyncio.create_task(_show(shop, traffic, console))]
            done, _ = await asyncio.wait([serving, *work], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            for task in done:
                task.result()
            console.print(await _figures(shop, traffic))


@contextlib.asynccontextmanager
async def _served(shop: Application, port: int) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    with _listening(port) as listener:
        server = Server(configured(asgi_app(shop, title=TITLE, routes=dashboard_routes())))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{_HOST}:{listener.getsockname()[1]}", serving
        finally:
            server.should_exit = True
            await serving


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError:
        return socket.create_server((_HOST, 0))


@contextlib.contextmanager
def _folder(data: Place | None) -> Iterator[Place]:
    if data is not None:
        yield made(data)
        return
    with tempfile.TemporaryDirectory(prefix="retail-") as folder:
        yield Path(folder)


def _explain(console: Console, address: str, data: Place) -> None:
    sale = '{"lines": [{"product": "MUG000", "quantity": 2}], "payment": "cash", "till": "T9"}'
    console.print(f"[bold]The shop is open:[/] {address}  (what else it takes: {address}/docs)\n\nTry:", soft_wrap=True)
    for command in (
        f"curl '{address}/queries/ListBestSellers?limit=3'",
        f"curl -H 'Content-Type: application/json' -d '{sale}' {address}/commands/ProcessSale",
        f"{_program()} report --data {data}",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
    console.print()


def _program() -> str:
    """Return how to call this program: by its name where the shell would find it, else by its path."""
    here = Path(sys.argv[0])
    return here.name if shutil.which(here.name) or not here.exists() else str(here)


async def _show(shop: Application, traffic: Traffic, console: Console) -> None:
    """Keep a table of live figures on a terminal; elsewhere only the last one is printed, when the demo ends."""
    if not console.is_terminal:
        await asyncio.Event().wait()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(await _figures(shop, traffic), refresh=True)
            await asyncio.sleep(0.5)


async def _figures(shop: Application, traffic: Traffic) -> Group:
    day = ShopSettings().day_of(shop.clock.now())
    board = await shop.ask(GetDashboard(day))
    best = await shop.ask(ListBestSellers(limit=3))
    head, checkpoints = await shop.head(), await shop.checkpoints()
    behind = head - min((checkpoint.position for checkpoint in checkpoints.values()), default=head)
    return Group(
        figures_table("The shop, from read models", {**_of(board), "events": head, "events not yet folded": behind}),
        _best(best.items),
        figures_table("At the tills", dict(sorted(traffic.counts.items()))),
    )


def _of(board: Dashboard) -> dict[str, object]:
    return {
        "sales today": board.today.count,
        "takings today": plain(board.today.total),
        "average sale": plain(round(board.today.average, _CENTS)),
        "inventory value": plain(board.inventory_value),
        "products below their minimum": board.low_stock,
        "last sale": board.recent[0].sale if board.recent else None,
    }


def _best(rows: tuple[ProductSales, ...]) -> Table:
    table = Table("product", "description", "sold", "net revenue", "average price", title="Best sellers")
    for row in rows:
        price = round(average(row.sold, row.units_sold), _CENTS)
        table.add_row(row.product, row.description, f"{row.units_sold:,}", plain(row.net_revenue), str(price))
    return table
