"""A copy that is killed anywhere goes on where it was; whole, it is equal, and retries are answered from before."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from diptych import Application, CopyError
from diptych.application.houses import copy_log
from tests.clusters import NEWEST, Cluster
from tests.faults.processes import line, process
from tests.moving.kiosk import Ledger, Sell, application, sell, told
from tests.sizes import size

KILLS = size(5, full=100)
SOLD = 300
IN_A_ROW = 3
STEPS = 60  # of some 65 that a copy of this log tells
Tell = Callable[[str, object], None]
Place = Callable[[str], str]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


@pytest.fixture(params=["to a file", "to postgres", "from postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: Callable[[str], Cluster]) -> Place:
    """Say where the log of a name is: in a file, or in PostgreSQL."""

    def url(name: str) -> str:
        if request.param == "to a file" or (name == "source") is (request.param == "to postgres"):
            return f"sqlite:///{tmp_path}/{name}.db"
        return cluster_of(NEWEST).database().url

    return url


async def killed(source: str, target: str, step: int) -> str:
    """Copy in a process of its own, and kill it when it told so many steps; return what it told last."""
    async with process("tests.faults.mover", source, target) as child:
        told_last = ""
        for _ in range(step):
            told_last = await line(child)
            if told_last == "done":
                break
        child.kill()
        await child.wait()
        return told_last


def kiosk(url: str) -> Application:
    """The kiosk on a log, its subscriber asleep."""
    return application(url, Ledger(), reads="memory://").configured(subscribers="off", projections="follow")


async def answers(app: Application, customers: range) -> list[tuple[object, int]]:
    """Send commands that were sent before."""
    found = []
    for number in customers:
        again = await app.send(Sell(f"paper-{number % 3}", number % 5), key=f"customer {number}", principal="ann")
        found.append((again.value, again.position))
    return found


async def test_a_copy_that_is_killed_again_and_again_ends_equal_and_every_retry_is_answered_from_before(
    place: Place, record_property: Tell
) -> None:
    chance, kills, copies, sold, seen = random.Random(5), 0, 0, SOLD, set[str]()
    source = place("source")
    async with kiosk(source) as app:
        await sell(app, sold)
        while kills < KILLS:
            target = place(f"target{copies}")
            for _ in range(min(IN_A_ROW, KILLS - kills)):
                seen.add((await killed(source, target, chance.randint(1, STEPS))).rpartition(" ")[0])
                kills += 1
                await sell(app, 7, first=sold)  # the source goes on
                sold += 7
            done = await copy_log(source, target, told)
            copies += 1
            assert (done.through, done.ahead, done.digest.records) == (await app.head(), 0, sold)
            expected = await answers(app, range(0, sold, 11))
            async with kiosk(target) as moved:
                assert await answers(moved, range(0, sold, 11)) == expected
                assert await moved.head() == done.through
    record_property("kills", kills)
    record_property("copies", copies)
    record_property("events", done.through)
    assert seen


async def test_a_page_that_was_not_stored_with_its_place_is_caught(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/source.db", f"sqlite:///{tmp_path}/target.db"
    async with kiosk(source) as app:
        await sell(app, 100)
    async with process("tests.faults.mover", source, target, PLANTED="1") as child:
        assert await line(child) == "torn"
        child.kill()
        await child.wait()

    with pytest.raises(CopyError, match="the event at position 1 of the source would stand at 21 here"):
        await copy_log(source, target, told)
