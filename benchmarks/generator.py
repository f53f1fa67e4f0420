"""The load generator of the HTTP row: one process, raw sockets, keep-alive, the same for both sides.

`python -m benchmarks.generator PORT CONNECTIONS REQUESTS` posts and prints requests per second and latencies as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from time import perf_counter

from benchmarks.timing import percentile

_ORDERS = 1_000
_OK = b"HTTP/1.1 200"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """Post one request after the other; every answer must be a 200."""

    def __init__(self, requests: Iterator[bytes], late: list[float], done: asyncio.Future[None]) -> None:
        self._requests, self._late, self._done = requests, late, done
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Send the next request once the answer is whole."""
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = buffer.lower().find(_LENGTH, 0, end) + len(_LENGTH)
        length = int(buffer[start : buffer.find(b"\r", start)])
        if len(buffer) < end + 4 + length:
            return
        if not buffer.startswith(_OK):
            self._fail(buffer.decode("utf-8", "replace"))
            return
        self._late.append((perf_counter() - self._started) * 1000)
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notice a server that hangs up."""
        self._fail(f"the server closed the connection: {exc}")

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._started = perf_counter()
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))


def request_for(order: int) -> bytes:
    """Return one request, ready to send."""
    body = json.dumps(
        {"order": order, "product": f"P{order:05d}", "quantity": 1 + order % 7, "price": 100 + order}
    ).encode()
    head = "POST /commands/AddLine HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def load(port: int, connections: int, count: int) -> dict[str, float]:
    """Send so many requests over so many connections."""
    loop = asyncio.get_running_loop()
    ready = [request_for(order) for order in range(_ORDERS)]
    rest = (ready[turn % _ORDERS] for turn in range(count))
    late: list[float] = []
    done = [loop.create_future() for _ in range(connections)]
    started = perf_counter()
    for each in done:
        await loop.create_connection(lambda each=each: Connection(rest, late, each), "127.0.0.1", port)  # type: ignore[misc]  # bound now
    await asyncio.gather(*done)
    seconds = perf_counter() - started
    assert len(late) == count
    return {"per_second": count / seconds, "p50_ms": percentile(late, 0.5), "p99_ms": percentile(late, 0.99)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(*[int(argument) for argument in sys.argv[1:4]]))))
