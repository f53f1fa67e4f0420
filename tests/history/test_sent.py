"""What was sent is listed without gap or repetition, accepted or not, in memory as from a file."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest

from diptych import Application, Command, Module, Refusal, SentCommand, Tag, event
from diptych.ports import NEWEST, Listed, Wanted
from diptych.testing import FixedClock


class Full(Refusal):
    pass


@event("seat.taken")
@dataclass(frozen=True)
class Taken:
    seat: Annotated[str, Tag("seat")]


@dataclass(frozen=True)
class Take(Command[None]):
    seat: str


@dataclass(frozen=True)
class Look(Command[None]):
    pass


seats = Module("seats")


@seats.decides()
def take(command: Take) -> Iterator[Taken]:
    if command.seat == "full":
        raise Full
    yield Taken(command.seat)


@seats.command
def look(command: Look) -> None: ...


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/seats.db"
    async with Application(seats, events=url, clock=FixedClock()) as app:
        yield app


async def everything(app: Application, *, limit: int = 100, **chosen: Any) -> list[SentCommand]:
    await app.audit.written()
    found: list[SentCommand] = []
    before = None
    while True:
        page = await app.audit.page(limit=limit, before=before, **chosen)
        assert len(page.commands) <= limit
        found += page.commands
        before = page.next
        if before is None:
            return found


async def crowd(app: Application) -> list[UUID]:
    """Send at three moments, several at each; return the ids of the accepted ones."""
    accepted = []
    for moment in range(3):
        for seat in ("a", "full", "b", "full"):
            result = await app.send(Take(f"{seat}{moment}" if seat != "full" else seat), principal=f"p{moment}")
            accepted += [result.command_id] if result.status == "accepted" else []
        app.clock.advance(timedelta(microseconds=1))  # type: ignore[attr-defined]  # it is a FixedClock
    return accepted


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 12])
async def test_pages_of_every_size_say_the_same(app: Application, limit: int) -> None:
    accepted = await crowd(app)

    whole = await everything(app)

    assert await everything(app, limit=limit) == whole
    assert len(whole) == 12
    assert {each.command_id for each in whole if each.outcome == "accepted"} == set(accepted)
    assert [each.at for each in whole] == sorted((each.at for each in whole), reverse=True)


async def test_a_page_that_ends_with_the_last_has_none_after_it(app: Application) -> None:
    await crowd(app)
    await app.audit.written()

    assert (await app.audit.page(limit=12)).next is None
    assert (await app.audit.page(limit=11)).next is not None


async def test_they_are_chosen_by_what_both_kinds_have(app: Application) -> None:
    await crowd(app)
    await app.send(Look(), principal="p1")
    clock = app.clock.now()

    assert {each.name for each in await everything(app, principal="p1", name="Look")} == {"Look"}
    assert len(await everything(app, principal="p1")) == 5
    assert len(await everything(app, since=clock - timedelta(microseconds=2))) == 9
    assert {each.outcome for each in await everything(app, outcome="refused")} == {"refused"}


async def test_a_command_without_events_is_listed_with_the_position_that_it_was_decided_on(app: Application) -> None:
    await crowd(app)
    await app.send(Look())

    assert (await everything(app))[0].position == 6


@pytest.mark.parametrize("cursor", ["", "x", "5", "5-zz", "5.x", "-5-", "a-b"])
async def test_what_is_no_cursor_is_refused(app: Application, cursor: str) -> None:
    with pytest.raises(ValueError, match="is no cursor"):
        await app.audit.page(before=cursor)


async def test_what_is_no_outcome_is_refused(app: Application) -> None:
    with pytest.raises(ValueError, match="there is no outcome 'lost'; there are: accepted, "):
        await app.audit.page(outcome="lost")


async def test_both_logs_list_their_records(app: Application) -> None:
    accepted = await crowd(app)
    log = app.store
    assert isinstance(log, Listed)

    found = await log.records(Wanted(), before=(NEWEST, b"\xff"), limit=100)

    assert {each.id for each in found} == set(accepted)
    assert [(each.recorded_at, each.id.bytes) for each in found] == sorted(
        ((each.recorded_at, each.id.bytes) for each in found), reverse=True
    )
    assert list(await log.records(Wanted(), before=(found[2].recorded_at, found[2].id.bytes), limit=2)) == [*found[3:5]]
