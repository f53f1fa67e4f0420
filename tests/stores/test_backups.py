"""Backups are whole: what pg_basebackup and pg_dump make of a running application is one moment of it."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from diptych import Application, ForeignLogError
from diptych.application.houses import house
from diptych.cli.log import verified
from tests.cli.bank import GetAccount, Open, PayIn, accounts, listing
from tests.clusters import NEWEST, Cluster, binaries


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    """Give a server of its own: backups are of whole servers."""
    cluster = Cluster(NEWEST, login="trust")
    yield cluster
    cluster.remove()


def restored(cluster: Cluster) -> Cluster:
    """Start a server on a base backup of another one."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-backup-"))
    words = ["pg_basebackup", "-d", cluster.url("postgres"), "-D", str(folder / "data"), "-c", "fast", "--no-sync"]
    program(cluster, *words)
    if os.geteuid() == 0:
        owner = cluster.data.stat().st_uid
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, pwd.getpwuid(owner).pw_gid)
    return Cluster(cluster.version, folder=folder, login="trust")


def program(cluster: Cluster, name: str, *words: str) -> None:
    """Run a program of the server's package."""
    done = subprocess.run([binaries(cluster.version) / name, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def digest(url: str) -> dict[str, object]:
    """Verify a log, and return what it holds."""
    async with house(url, exists=True) as opened:
        found = await verified(opened, lambda *_: None)
    assert found["error"] is None
    return {name: value for name, value in found.items() if name.endswith(("events", "hash", "records"))}


async def test_a_base_backup_of_a_busy_server_is_an_application_of_one_moment(primary: Cluster) -> None:
    url = primary.database().url
    async with Application(accounts, listing, events=url) as app:
        for number in range(20):
            await app.send(Open(f"A{number}", "Ada"))
        copy = restored(primary)
        after = await app.send(PayIn("A1", Decimal(5)))
        await app.ask(GetAccount("A1"), after=after)
    try:
        async with Application(accounts, listing, events=url.replace(str(primary.port), str(copy.port))) as old:
            found = await old.ask(GetAccount("A1"), after=20)
            report = await old.check("listing")
    finally:
        copy.remove()

    assert (found.amount, await _head(url)) == (0, 21)
    assert report.is_right


async def test_a_dump_holds_log_rows_and_bookmarks_of_one_moment(primary: Cluster, tmp_path: Path) -> None:
    source, target = primary.database(), primary.database()
    async with Application(accounts, listing, events=source.url) as app:
        await app.ask(GetAccount("A1"), after=await app.send(Open("A1", "Ada")))
        program(primary, "pg_dump", "-d", source.url, "-Fc", "-f", str(tmp_path / "shop.dump"))
        await app.send(PayIn("A1", Decimal(5)))
    program(primary, "pg_restore", "-d", target.url, "--no-owner", "--exit-on-error", str(tmp_path / "shop.dump"))

    async with Application(accounts, listing, events=target.url) as app:
        assert (await app.ask(GetAccount("A1"), after=1)).amount == 0
        assert (await app.check("listing")).is_right
    assert (await digest(target.url))["events"] == 1


async def test_a_log_that_was_restored_alone_is_noticed_by_its_rows(primary: Cluster, tmp_path: Path) -> None:
    log, rows, older = primary.database(), primary.database(), primary.database()
    async with Application(accounts, listing, events=log.url, reads=rows.url) as app:
        await app.send(Open("A1", "Ada"))
        program(primary, "pg_dump", "-d", log.url, "-Fc", "-f", str(tmp_path / "log.dump"))
        await app.ask(GetAccount("A1"), after=await app.send(PayIn("A1", Decimal(5))))
    program(primary, "pg_restore", "-d", older.url, "--no-owner", "--exit-on-error", str(tmp_path / "log.dump"))

    with pytest.raises(ForeignLogError):
        async with Application(accounts, listing, events=older.url, reads=rows.url) as app:
            await app.ask(GetAccount("A1"))


async def _head(url: str) -> int:
    async with house(url, exists=True) as opened:
        return await opened.log.head()
