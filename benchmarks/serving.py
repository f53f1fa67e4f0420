"""The two servers of the HTTP row, each in a process of its own, both under uvicorn with the same settings.

`python -m benchmarks.serving diptych URL` or `... fastapi`: prints its port, and ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator

import fastapi
import pydantic
import uvicorn

from benchmarks.orders import SEEN, orders
from diptych import Application
from diptych.web.app import asgi_app


class Line(pydantic.BaseModel):
    """The body of the command, as FastAPI reads it."""

    order: int
    product: str
    quantity: int
    price: int


def no_op() -> fastapi.FastAPI:
    """Return FastAPI's side: it validates the body and does nothing."""
    app = fastapi.FastAPI()

    @app.post("/commands/AddLine")
    async def add_line(line: Line) -> dict[str, int]:
        return {"position": line.order, "result": line.quantity}

    return app


@contextlib.asynccontextmanager
async def side(name: str, url: str) -> AsyncIterator[object]:
    """Open one of the two applications."""
    if name == "fastapi":
        yield no_op()
        return
    async with Application(orders, *SEEN, events=url) as app:
        await app.caught_up(timeout=600)
        yield asgi_app(app)


async def serve(name: str, url: str) -> None:
    """Serve until stdin closes."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        async with side(name, url) as app:
            config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none")  # type: ignore[arg-type]  # both are ASGI
            server = uvicorn.Server(config)
            print(listener.getsockname()[1], flush=True)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await asyncio.to_thread(sys.stdin.read)
            server.should_exit = True
            await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvicorn.Config("", loop="auto").get_loop_factory()) as runner:
        runner.run(serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
