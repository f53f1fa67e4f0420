"""A wire to PostgreSQL that can vanish, or be cut at a commit: before the server hears of it, or after."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

_COMMIT = b"COMMIT;"
_CHUNK = 65536
_ATTACH_FILTER = 26  # of Linux, which Python does not name


class Wire:
    """Listen on a port of its own and pass everything on; `fate` says what becomes of each commit.

    `pass`, `before`: the connection is cut and the server never hears of it, `after`: it hears, and nobody its answer.
    """

    def __init__(self, port: int, fate: Callable[[], str]) -> None:
        self._port, self._fate = port, fate
        self.is_cutting = False
        self.fates: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """Return the port on which it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        self._serving: set[asyncio.Task[None]] = set()
        self._ends: list[tuple[StreamWriter, asyncio.Task[None]]] = []
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for each in self._serving:
            each.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def vanish(self) -> None:
        """Be gone without a word for all who are connected: nothing they send is taken. Who comes anew is served."""
        for writer, back in self._ends:
            back.cancel()
            if not writer.is_closing():
                _deafen(writer.get_extra_info("socket"))

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        there, on = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(_passed(there, writer))
        self._ends.append((writer, back))
        try:
            with contextlib.suppress(OSError):
                await self._forwards(reader, writer, on)
            await _ended(on)  # what was passed on arrives
            await back
        finally:
            back.cancel()
            await asyncio.gather(back, _ended(on), _ended(writer), return_exceptions=True)

    async def _forwards(self, reader: StreamReader, writer: StreamWriter, on: StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            fate = self._fate() if self.is_cutting and _COMMIT in data else "pass"
            if _COMMIT in data:
                self.fates[fate] += 1
            if fate != "pass":
                writer.transport.abort()
            if fate == "before":
                return
            on.write(data)
            await on.drain()
            if fate == "after":
                return


def _deafen(found: socket.socket) -> None:
    """Let the kernel drop every packet that comes: whoever is at the other end hears nothing any more."""
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # one instruction: take 0 bytes
    program = struct.pack("HL", 1, ctypes.addressof(nothing))
    found.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


async def _passed(reader: StreamReader, writer: StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _ended(writer: StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
