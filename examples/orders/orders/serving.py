"""Serving: an application and its API over HTTP, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

import click

from diptych import Application
from diptych.web.server import Server, configured
from orders.api import api_of
from orders.settings import OrderSettings

HOST: Final = "127.0.0.1"


def serve(application: Application, settings: OrderSettings, port: int) -> None:
    """Serve the API of an application; say where, once it listens. Port 0 takes a free one."""
    with contextlib.suppress(KeyboardInterrupt), _listening(port) as listener:
        asyncio.run(_serve(application, settings, listener))


async def _serve(application: Application, settings: OrderSettings, listener: socket.socket) -> None:
    server = Server(configured(api_of(application, settings)))
    async with application:
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        click.echo(f"{address} ({address}/docs)")
        await server.serve(sockets=[listener])


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as wrong:
        raise click.ClickException(f"{HOST}:{port} cannot be listened on: {wrong.strerror or wrong}") from wrong
