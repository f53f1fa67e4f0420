"""The next page of the log is read while this one is folded, and is the page that reading it later would give."""

import asyncio
from typing import Any

import pytest

from diptych.codec import EventCodec
from diptych.errors import StoreError
from diptych.model.criteria import Criteria
from diptych.ports import Slice
from diptych.read.pages import Page, Pages
from diptych.stores.memory import MemoryEventStore
from tests.read.shop import Closed, record

CLOSED = Criteria.typed("shop.closed")
CODEC = EventCodec([Closed])


class Log(MemoryEventStore):
    """A log that keeps after which positions it was read, and fails when it is told to."""

    is_distant = True

    def __init__(self) -> None:
        super().__init__()
        self.read_after: list[int] = []
        self.broken = False

    async def read(self, criteria: Criteria, **how: Any) -> Slice:
        """Read, unless it is broken."""
        self.read_after.append(how["after"])
        if self.broken:
            raise StoreError("broken")
        return await super().read(criteria, **how)


@pytest.fixture
async def log() -> Log:
    made = Log()
    await record(made, *[Closed(f"s{number}") for number in range(10)])
    return made


async def others_run() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def positions(page: Page) -> list[int]:
    return [each.stored.position for each in page.events]


async def test_a_page_is_there_before_it_is_asked_for(log: Log) -> None:
    pages = Pages(log, CODEC)
    assert positions(await pages.read(CLOSED, after=0, until=None, limit=4)) == [1, 2, 3, 4]
    await others_run()
    assert log.read_after == [0, 4]

    assert positions(await pages.read(CLOSED, after=4, until=None, limit=4)) == [5, 6, 7, 8]
    last = await pages.read(CLOSED, after=8, until=None, limit=4)

    assert (positions(last), last.complete) == ([9, 10], True)
    assert log.read_after == [0, 4, 8]


async def test_a_log_at_hand_is_not_read_ahead(log: Log) -> None:
    log.is_distant = False
    pages = Pages(log, CODEC)
    await pages.read(CLOSED, after=0, until=None, limit=4)
    await others_run()

    assert log.read_after == [0]


async def test_what_was_written_since_a_last_page_is_read_is_found(log: Log) -> None:
    pages = Pages(log, CODEC)
    await pages.read(CLOSED, after=0, until=None, limit=9)
    await others_run()
    await record(log, Closed("late"))

    early = await pages.read(CLOSED, after=9, until=None, limit=9)
    late = await pages.read(CLOSED, after=early.through, until=None, limit=9)

    assert positions(early) + positions(late) == [10, 11]


@pytest.mark.parametrize(
    "asked",
    [
        {"criteria": CLOSED, "after": 5, "until": None, "limit": 4},
        {"criteria": CLOSED, "after": 4, "until": 6, "limit": 4},
        {"criteria": Criteria.all(), "after": 4, "until": None, "limit": 4},
        {"criteria": CLOSED, "after": 4, "until": None, "limit": 2},
    ],
)
async def test_another_page_than_the_next_is_read_anew(log: Log, asked: dict[str, Any]) -> None:
    pages = Pages(log, CODEC)
    await pages.read(CLOSED, after=0, until=None, limit=4)

    page = await pages.read(**asked)

    found = await log.read(asked.pop("criteria"), **asked)
    assert positions(page) == [each.position for each in found.events]


async def test_a_page_that_could_not_be_read_ahead_is_told_of_when_it_is_wanted_and_read_again(log: Log) -> None:
    pages = Pages(log, CODEC)
    await pages.read(CLOSED, after=0, until=None, limit=4)
    log.broken = True
    await others_run()

    with pytest.raises(StoreError):
        await pages.read(CLOSED, after=4, until=None, limit=4)

    log.broken = False
    assert positions(await pages.read(CLOSED, after=4, until=None, limit=4)) == [5, 6, 7, 8]
