"""The second part of `make demo`: orders that are kept in a file move to PostgreSQL, and all goes on there.

DIPTYCH_DEMO_POSTGRES names a server; without it one is started, as the tests start theirs. Either way the orders are in
a database of their own, which is gone afterwards. Where no server is to be had this says so, and ends well.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from orders.place import log_at, shown
from tests.clusters import NEWEST, Cluster

GIVEN = "DIPTYCH_DEMO_POSTGRES"
UNREACHABLE = (AssertionError, OSError, ValueError, asyncpg.PostgresError)  # `Cluster` asserts what it needs


def main() -> None:
    """Keep orders in a file, copy their log to PostgreSQL, and go on."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orders-"))
        run("orders", "demo", "--data", folder)
        try:
            url = stack.enter_context(database())
        except UNREACHABLE as missing:
            print(f"\nNo PostgreSQL to move to: {missing}. Name one: {GIVEN}=postgresql://user:password@host/database")
            return
        print("\nThe log moves to PostgreSQL, and the application goes on there; what it adds stands beside the old.")
        run("diptych", "log", "copy", log_at(Path(folder)), url)
        run("orders", "demo", "--data", url)


def run(program: str, *words: str) -> None:
    """Show a command line as somebody would type it, and run it."""
    print("\n$", program, *(shown_word(word) for word in words), flush=True)
    subprocess.run([Path(sys.executable).with_name(program), *words], check=True)  # noqa: S603 (the words are ours)


def shown_word(word: str) -> str:
    """Return a word of a command line as it may be printed."""
    return f"postgresql://{shown(word)}" if word.startswith("postgresql://") else word


@contextmanager
def database() -> Iterator[str]:
    """Give the URL of an empty database, and drop it afterwards."""
    if given := os.environ.get(GIVEN):
        name = f"diptych_demo_{secrets.token_hex(4)}"
        asyncio.run(told(given, f"create database {name}"))
        try:
            yield urlsplit(given)._replace(path=f"/{name}").geturl()
        finally:
            asyncio.run(told(given, f"drop database {name} with (force)"))
        return
    cluster = Cluster(NEWEST, login="trust")
    try:
        yield cluster.database().url
    finally:
        cluster.remove()


async def told(url: str, statement: str) -> None:
    """Tell a server to do something."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
