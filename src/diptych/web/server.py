"""The server: uvicorn around the HTTP face, on loopback unless somebody says who is asking."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Send

from diptych.application import Application
from diptych.errors import SettingsError, WiringError
from diptych.web.app import asgi_app
from diptych.web.edge import Scope, reply_to_problem, response_of
from diptych.web.hosts import LOOPBACK, is_loopback
from diptych.web.principals import Principal
from diptych.web.problems import Problem
from diptych.web.queries import PREFIX

Announce = Callable[[str], None]
"""Hear the address, once it listens."""
_LAST_SECONDS = 5
_LINGER = 0.3
_LOOK_SECONDS = 0.5


def serve(
    application: Application | Callable[[], Application],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    principal: Principal | None = None,
    hosts: Iterable[str] = (),
    announce: Announce | None = None,
    **face: Any,  # Any: what else `asgi_app` takes
) -> None:
    """Open an application, or the one that a function makes, and serve it until SIGINT or SIGTERM; blocks.

    Port 0 takes a free one. Raises SettingsError when others than this machine could reach it and no `principal` hook
    says who they are, and when the address cannot be had; and whatever opening raises.
    """
    refuse_open_door(host, principal)
    opened = application if isinstance(application, Application) else application()
    names = (*LOOPBACK, *([] if is_loopback(host) else [host]), *hosts)
    config = configured(asgi_app(opened, principal=principal, hosts=names, **face))
    with _listen(host, port) as listener, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        address = _address(host, listener.getsockname()[1])
        with contextlib.suppress(KeyboardInterrupt):
            runner.run(_serve(opened, config, listener, lambda: announce and announce(address)))


def configured(app: Starlette) -> uvicorn.Config:
    """Return how uvicorn serves: uvloop and httptools where they are installed, no access log, no websockets.

    Asked to end, it waits five seconds for requests under way, and tells who then still waits that it ends.
    """
    return uvicorn.Config(
        _Parting(app),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )


def refuse_open_door(host: str, principal: Principal | None) -> None:
    """Raise SettingsError for an address that others can reach, unless a hook says who they are."""
    if principal is None and not is_loopback(host):
        raise SettingsError(
            f"host is {host!r}, which other machines can reach, and nothing says who is asking; "
            "pass principal=..., or serve 127.0.0.1"
        )


async def _serve(
    application: Application, config: uvicorn.Config, listener: socket.socket, announce: Callable[[], None]
) -> None:
    async with application:
        # What is wired lives as long as the process: the collector need not walk it again, which costs tens of ms.
        gc.collect()
        gc.freeze()
        server = _Announcing(config, announce)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watched(application, server))
            await server.serve(sockets=[listener])
            watch.cancel()
        if isinstance(application.failure, WiringError):
            raise application.failure


class Server(uvicorn.Server):
    """Serve until a signal, and return: uvicorn's own ends the process then, before an application could be closed.

    What clients have sent by then on connections that they keep is answered, and told to be the last there.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, answer for a moment what comes on the others, then end as uvicorn does."""
        for each in self.servers:
            each.close()
        if isinstance(self.config.app, _Parting):
            self.config.app.is_ending = True
            await asyncio.sleep(_LINGER)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear signals while inside; the next one after that does what it always does."""
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()


class _Parting:
    """Tell whoever still waits when the time of a server is over: uvicorn would say that there is a bug."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.is_ending = False
        """Whether every answer is the last one of its connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, _closing(send) if self.is_ending else send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if scope["type"] != "http" or task is None or not task.cancelling():
                raise
            told = response_of(reply_to_problem(_parting(scope), position=None))
            with contextlib.suppress(RuntimeError):  # its answer had begun: the connection is closed in the middle
                await told(scope, receive, send)


def _closing(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return sent


def _parting(scope: Scope) -> Problem:
    if scope["method"] in {"GET", "HEAD"} or PREFIX in scope["path"]:
        return Problem("closed", "this server ends; ask again", headers={"retry-after": "1"})
    return Problem("outcome-unknown", "this server ends; send it again with the same Idempotency-Key")


class _Announcing(Server):
    """Announce the address when requests are answered and signals are heard: not before, as a caller may act on it."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


async def _watched(application: Application, server: uvicorn.Server) -> None:
    """End the server when the projection runtime ended over code that no restart and no waiting makes fit."""
    while not isinstance(application.failure, WiringError):  # noqa: ASYNC110 (it ends in a thread without our loop)
        await asyncio.sleep(_LOOK_SECONDS)
    server.should_exit = True


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
