"""The server: uvicorn around the HTTP face, on loopback unless somebody says who is asking."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn

from diptych.application import Application
from diptych.errors import SettingsError
from diptych.web.app import asgi_app
from diptych.web.hosts import LOOPBACK, is_loopback
from diptych.web.principals import Principal

Announce = Callable[[str], None]
"""Hear the address, once it listens."""


def serve(
    factory: Callable[[], Application],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    principal: Principal | None = None,
    hosts: Iterable[str] = (),
    announce: Announce | None = None,
    **face: Any,  # Any: what else `asgi_app` takes
) -> None:
    """Serve an application until SIGINT or SIGTERM, then close it; blocks.

    Port 0 takes a free one. Raises SettingsError when others than this machine could reach it and no `principal` hook
    says who they are, and when the address cannot be had.
    """
    refuse_open_door(host, principal)
    names = (*LOOPBACK, *([] if is_loopback(host) else [host]), *hosts)
    app = asgi_app(factory(), principal=principal, hosts=names, **face)
    listener = _listen(host, port)
    if announce is not None:
        announce(_address(host, listener.getsockname()[1]))
    config = uvicorn.Config(app, lifespan="on", log_level="warning", access_log=False, server_header=False, ws="none")
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def refuse_open_door(host: str, principal: Principal | None) -> None:
    """Raise SettingsError for an address that others can reach, unless a hook says who they are."""
    if principal is None and not is_loopback(host):
        raise SettingsError(
            f"host is {host!r}, which other machines can reach, and nothing says who is asking; "
            "pass principal=..., or serve 127.0.0.1"
        )


def _listen(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family, backlog=2048)
    except OSError as wrong:
        raise SettingsError(f"{host}:{port} cannot be listened on: {wrong.strerror or wrong}") from wrong


def _address(host: str, port: int) -> str:
    name = host.strip("[]")
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
