"""A forked child shares the sockets of its parent: it is told to open its own, and says nothing on theirs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.clusters import Database

SCRIPT = """
import asyncio, os, sys
from diptych.application import Application
from diptych.errors import StoreError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.audit import PostgresAuditTrail
from diptych.stores.postgres.bookmarks import PostgresBookmarks
from diptych.model.criteria import Criteria
from diptych.testing.contract.material import appending, event
from tests.faults.bank import GetBalance, balances, teller
from tests.write.domain import Move, OpenAccount, bank

url, way = sys.argv[1:]
address = Address.of(url, schema="diptych")


async def refused(uses):
    told = 0
    for name, use in uses.items():
        try:
            await use()
        except StoreError as wrong:
            told += "forked" in str(wrong)
            print(name, wrong, file=sys.stderr)
    return told


async def main():
    async with (
        Application(bank, teller, balances, events=url) as app,
        PostgresBookmarks(address) as marks,
        PostgresAuditTrail(address) as audit,
    ):
        opened = (await app.send(OpenAccount(owner="ann"))).unwrap()
        await app.caught_up()
        await marks.all()
        uses = {
            "append": lambda: app.store.append(appending(event())),
            "read": lambda: app.store.read(Criteria.all()),
            "load": lambda: app.store.read(Criteria.tagged("thing:1")),
            "head": lambda: app.store.head(),
            "ask": lambda: app.ask(GetBalance(opened)),
            "send": lambda: app.send(Move(opened, 1), key="new"),
            "bookmarks": marks.all,
            "audit": audit.figures,
        }
        child = os.fork()
        if child == 0:
            told = 0
            try:
                if way == "in a loop of its own":
                    told = asyncio.new_event_loop().run_until_complete(refused(uses))
                else:
                    told = await refused(uses)
                app.store._writer._session._connection.terminate()  # as it would be at the end
            except BaseException as wrong:
                print(repr(wrong), file=sys.stderr)
            finally:
                os._exit(told)
        _, status = os.waitpid(child, 0)
        known = app.store._writer._session._known
        await app.send(Move(opened, 1))
        whole = app.store._writer._session._known == known
        print(os.waitstatus_to_exitcode(status), len(uses), await app.head(), whole)


asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["in the loop of its parent", "in a loop of its own"])
def test_a_forked_child_is_told_to_open_its_own_and_its_parent_goes_on(newest_postgres: Database, way: str) -> None:
    command = [sys.executable, "-c", SCRIPT, newest_postgres.url, way]

    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    told, uses, head, whole = run.stdout.split() or [run.stderr] * 4
    assert (told, head, whole) == (uses, "2", "True"), run.stderr
