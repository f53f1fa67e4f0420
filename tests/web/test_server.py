"""A real server on a real socket: framing, limits while reading, and the door that stays shut."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from diptych.application import Application
from diptych.errors import SettingsError, WiringError
from diptych.web.app import asgi_app
from diptych.web.server import Server, configured, refuse_open_door, serve
from tests.web.shop import projection, shop
from tests.web.test_commands import PRODUCT

HEAD = b"POST /commands/AddProduct HTTP/1.1\r\nhost: localhost\r\n"
MEGABYTE = b"a" * (1 << 20)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["httptools", "h11"])
async def port(request: pytest.FixtureRequest, application: Application) -> AsyncIterator[int]:
    config = configured(asgi_app(application))
    config.http = request.param
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with application:
            task = asyncio.create_task(server.serve([listener]))
            yield listener.getsockname()[1]
            server.should_exit = True
            await task
            assert await application.head() <= 1


async def exchanged(port: int, *parts: bytes) -> bytes:
    """Send the parts until the server answers or closes, then read all it says until it closes or is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_a_chunked_command_is_read(port: int) -> None:
    body = json.dumps(PRODUCT).encode()

    answer = await exchanged(
        port, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk(body[:9]), chunk(body[9:]), b"0\r\n\r\n"
    )

    assert status(answer) == 200
    assert b"diptych-position: 1\r\n" in answer


async def test_a_chunked_body_of_10_mb_is_refused_while_it_is_read(port: int) -> None:
    answer = await exchanged(port, HEAD + b"transfer-encoding: chunked\r\n\r\n", *[chunk(MEGABYTE)] * 2)

    assert status(answer) == 413
    assert b"connection: close" in answer.lower()


async def test_a_declared_body_of_10_mb_is_refused_before_it_comes(port: int) -> None:
    answer = await exchanged(port, HEAD + b"content-length: 10485760\r\n\r\n")

    assert status(answer) == 413


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: -5\r\n",
        b"transfer-encoding: nonsense\r\n",
        b"x: a\r\n folded: b\r\nhost: localhost\r\n",
    ],
)
async def test_framing_that_can_be_read_two_ways_is_a_4xx(port: int, head: bytes) -> None:
    answer = await exchanged(port, HEAD + head + b"\r\n{}\r\n\r\n")

    assert answer == b"" or 400 <= status(answer) < 500 or status(answer) == 501


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(port: int, application: Application) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"content-length: 100\r\n\r\n" + json.dumps(PRODUCT).encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert status(await exchanged(port, b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")) == 200
    assert await application.head() == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example"])  # noqa: S104 (refused here)
def test_an_address_that_others_reach_needs_a_principal_hook(host: str) -> None:
    with pytest.raises(SettingsError, match="principal"):
        serve(Application(shop, projection()), host=host)

    refuse_open_door(host, lambda _: "anna")


async def test_a_server_whose_folding_ended_over_its_wiring_ends_with_that_error(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Application, "failure", WiringError("the folds changed"))

    with pytest.raises(WiringError, match="the folds changed"):
        await asyncio.to_thread(serve, application, port=0)


def test_an_address_that_is_taken_is_told() -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.7:1 cannot be listened on"):
        serve(Application(shop, projection()), host="192.0.2.7", port=1, principal=lambda _: "anna")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_by_a_signal_and_closes_the_application(tmp_path: Path, how: signal.Signals) -> None:
    script = (
        "import sys, diptych.web.server as server\n"
        "from tests.web.shop import Application, projection, shop\n"
        f"app = Application(shop, projection(), events='sqlite:///{tmp_path}/shop.db')\n"
        "server.serve(lambda: app, port=0, announce=lambda address: print(address, flush=True))\n"
        "print('closed' if not app.is_open else 'open', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
    ) as child:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        child.send_signal(how)
        assert child.stdout.read().strip() == "closed"
    assert child.returncode == 0


async def test_who_still_waits_when_the_time_of_the_server_is_over_is_told(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async def stuck(request: Request) -> Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError(request)

    begun, path = asyncio.Event(), "/stuck"
    config = configured(asgi_app(application, routes=[Route(path, stuck, methods=["GET", "POST"])]))
    config.timeout_graceful_shutdown = 0
    for method, expected, kind in (("GET", 503, b"closed"), ("POST", 504, b"outcome-unknown")):
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with application:
                task = asyncio.create_task(server.serve([listener]))
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                writer.write(f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n".encode())
                await begun.wait()
                begun.clear()
                server.should_exit = True
                answer = await reader.read()
                await task
                writer.close()

        assert (status(answer), b"/problems/" + kind in answer) == (expected, True), answer
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_what_comes_on_a_kept_connection_while_the_server_ends_is_answered_as_the_last(
    application: Application, http: str
) -> None:
    config = configured(asgi_app(application))
    config.http = http
    server, request = Server(config), b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with application:
            task = asyncio.create_task(server.serve([listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request)
            first = await reader.readuntil(b"\r\n\r\n")
            server.should_exit = True
            while server.servers[0].is_serving():  # noqa: ASYNC110 (it tells nobody that it stops)
                await asyncio.sleep(0)
            writer.write(request)
            last = await reader.read()
            await task
            writer.close()

    assert (status(first), b"connection: close" in first) == (200, False)
    assert b"HTTP/1.1 200 OK" in last
    assert b"connection: close" in last
