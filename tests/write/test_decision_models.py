"""Decision models with several tags, with none, with hashed tags, and with a condition narrower than what they read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from diptych.application import Application
from diptych.errors import Refusal, WiringError
from diptych.model.criteria import Criteria
from diptych.model.decisions import DecisionModel
from diptych.model.marks import Tag, hashed
from diptych.model.messages import Command, event
from diptych.model.results import Conflict, Refused
from diptych.module import Module

Email = Annotated[str, Tag("email", text=lambda email: hashed(email.lower()))]
Seat = Annotated[str, Tag("seat")]
Show = Annotated[str, Tag("show")]


@event("seat.booked")
@dataclass(frozen=True)
class Booked:
    show: Show
    seat: Seat
    price: int


@event("show.priced")
@dataclass(frozen=True)
class Priced:
    show: Show
    price: int


@event("show.closed")
@dataclass(frozen=True)
class Closed:
    show: Show


@event("guest.named")
@dataclass(frozen=True)
class Named:
    email: Email


@event("guest.renamed")
@dataclass(frozen=True)
class Renamed:
    email: Annotated[str, Tag("email")]


@event("bill.numbered")
@dataclass(frozen=True)
class Numbered:
    number: int


@dataclass(frozen=True)
class Book(Command[int]):
    show: Show
    seat: Seat


@dataclass(frozen=True)
class Price(Command[None]):
    show: Show
    price: int


@dataclass(frozen=True)
class Close(Command[None]):
    show: Show


@dataclass(frozen=True)
class Name(Command[None]):
    email: str


@dataclass(frozen=True)
class Bill(Command[int]):
    pass


class Taken(Refusal):
    """Somebody else has it."""


class Over(Refusal):
    """The show is closed."""


def fold_booked(_: bool, event: Booked) -> bool:
    return True


def fold_show(price: int, event: Priced | Closed) -> int:
    return event.price if isinstance(event, Priced) else -1


def fold_named(_: bool, event: Named) -> bool:
    return True


def fold_renamed(_: bool, event: Named | Renamed) -> bool:
    return True


def fold_number(_: int, event: Numbered) -> int:
    return event.number


booked = DecisionModel(fold_booked, initial=bool, tag=("show", "seat"))
price_of = DecisionModel(fold_show, initial=int, tag="show")
named = DecisionModel(fold_named, initial=bool, tag="email")
number = DecisionModel(fold_number, initial=int, tag=None)
theatre = Module("theatre")


@theatre.decides(
    taken=booked.one(lambda command: (command.show, command.seat)),
    price=price_of.one(lambda command: command.show).guarding(Closed),
)
def book(command: Book, taken: bool, price: int) -> Generator[Booked, None, int]:
    if taken:
        raise Taken
    if price < 0:
        raise Over
    yield Booked(command.show, command.seat, price)
    return price


@theatre.decides()
def set_price(command: Price) -> Iterator[Priced]:
    yield Priced(command.show, command.price)


@theatre.decides()
def close(command: Close) -> Iterator[Closed]:
    yield Closed(command.show)


@theatre.decides(used=named.one(lambda command: command.email))
def name(command: Name, used: bool) -> Iterator[Named]:
    if used:
        raise Taken
    yield Named(command.email)


@theatre.decides(last=number.whole())
def bill(command: Bill, last: int) -> Generator[Numbered, None, int]:
    yield Numbered(last + 1)
    return last + 1


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/log.db"
    async with Application(theatre, events=url) as opened:
        yield opened


async def test_a_model_with_two_tags_knows_only_what_carries_both(app: Application) -> None:
    await app.send(Book("hamlet", "a1"))

    assert (await app.send(Book("hamlet", "a2"))).is_success
    assert (await app.send(Book("othello", "a1"))).is_success
    assert isinstance(await app.send(Book("hamlet", "a1")), Refused)


async def test_a_model_with_two_tags_conflicts_only_with_what_carries_both(app: Application) -> None:
    seats = [(show, seat) for show in ("hamlet", "othello") for seat in ("a1", "a2", "a3")]

    results = await asyncio.gather(*(app.send(Book(*each)) for each in seats * 3))

    assert sum(each.is_success for each in results) == len(seats)


async def test_an_application_learns_from_commands_of_another_on_the_same_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with Application(theatre, events=url) as app, Application(theatre, events=url) as other:
        await app.send(Price("hamlet", 10))
        assert (await app.send(Book("hamlet", "a1"))).unwrap() == 10
        await other.send(Price("hamlet", 12))
        await other.send(Book("hamlet", "a2"))

        assert (await app.send(Book("hamlet", "a3"))).unwrap() == 12
        assert isinstance(await app.send(Book("hamlet", "a2")), Refused)


async def test_what_is_read_without_a_guard_is_read_afresh(app: Application) -> None:
    for price in (10, 11, 12):
        await app.send(Price("hamlet", price))
        assert (await app.send(Book("hamlet", f"a{price}"))).unwrap() == price


async def test_news_that_no_guard_names_do_not_conflict_and_those_it_names_do(app: Application) -> None:
    expected = await app.head()
    await app.send(Price("hamlet", 10))

    deciding = app._write._executions[Book]._deciding
    show = deciding.selections[1].entity("hamlet")
    seat = deciding.selections[0].entity(("hamlet", "a1"))

    assert show.is_narrowed
    assert not seat.is_narrowed
    guard = show.guard()
    assert guard is not None
    assert (guard.clause.types, guard.clause.tags) == (("show.closed",), ("show:hamlet",))
    assert isinstance(await app.send(Book("hamlet", "a1"), expected=expected), Conflict)


async def test_a_closed_show_is_seen_by_every_booking_after_it(app: Application) -> None:
    await app.send(Price("hamlet", 10))

    async def booking(seat: int) -> bool:
        return (await app.send(Book("hamlet", f"s{seat}"))).is_success

    booked, _, after = await asyncio.gather(booking(1), app.send(Close("hamlet")), booking(2))

    names = [each.name for each in (await app.store.read(Criteria.tagged("show:hamlet"))).events]
    assert names.index("show.closed") == len(names) - 1, "a seat was sold after the show was closed"
    assert names.count("seat.booked") == booked + after
    assert isinstance(await app.send(Book("hamlet", "s3")), Refused)


async def test_a_hashed_tag_makes_unique_and_does_not_tell(app: Application) -> None:
    assert (await app.send(Name("Ada@example.org"))).is_success

    assert isinstance(await app.send(Name("ada@EXAMPLE.org")), Refused)
    (stored,) = (await app.store.read(Criteria.typed("guest.named"))).events
    assert stored.tags == (f"email:{hashed('ada@example.org')}",)
    assert "ada" not in stored.tags[0]


async def test_numbers_without_a_tag_have_no_gap_whoever_asks_at_once(app: Application) -> None:
    numbers = await asyncio.gather(*(app.send(Bill()) for _ in range(40)))

    assert sorted(each.unwrap() for each in numbers) == list(range(1, 41))


def test_keys_and_tags_that_do_not_fit_are_refused_when_they_are_written() -> None:
    with pytest.raises(WiringError, match="whole"):
        number.one(lambda command: command.show)
    with pytest.raises(WiringError, match="one"):
        booked.whole()
    with pytest.raises(WiringError, match="cannot guard against it"):
        price_of.one(lambda command: command.show).guarding(Booked)


def test_a_tag_whose_text_differs_between_events_is_refused() -> None:
    odd = Module("odd")

    with pytest.raises(WiringError, match="another text"):

        @odd.decides(used=DecisionModel(fold_renamed, initial=bool, tag="email").one(lambda command: command.email))
        def decide(command: Name, used: bool) -> Iterator[Named]:
            yield Named(command.email)


async def test_states_of_several_kinds_are_read_by_one_read(app: Application) -> None:
    reads: list[Criteria] = []
    loader = app._write._means.loader
    read = loader._store.read

    async def counted(criteria: Criteria, *, after: int = 0, limit: int = 1000) -> object:
        reads.append(criteria)
        return await read(criteria, after=after, limit=limit)

    loader._store = type("Counted", (), {"read": staticmethod(counted)})()

    await app.send(Book("hamlet", "a1"))

    assert [len(each.clauses) for each in reads] == [2]


async def test_one_text_in_place_of_several_keys_is_said() -> None:
    odd = Module("odd")

    @odd.decides(prices=price_of.of(lambda command: command.show))
    def price(command: Price, prices: Mapping[str, int]) -> Iterator[Priced]:
        yield Priced(command.show, command.price + len(prices))

    async with Application(odd) as app:
        with pytest.raises(WiringError, match="'evita', one text"):
            await app.send(Price("evita", 1))


@pytest.mark.parametrize("tags", [(), ("seat",)])
def test_a_tuple_of_fewer_than_two_tags_is_refused(tags: tuple[str, ...]) -> None:
    with pytest.raises(WiringError, match="the keys of several tags are tuples"):
        DecisionModel(fold_booked, initial=bool, tag=tags)


@pytest.mark.parametrize("key", ["A1", ("evita",), ("evita", "A1", "x"), None])
async def test_a_key_that_is_no_tuple_of_one_part_for_each_tag_is_said(key: object) -> None:
    odd = Module("odd")

    @odd.decides(taken=booked.one(lambda _: key))
    def price(command: Price, taken: bool) -> Iterator[Priced]:
        yield Priced(command.show, command.price)

    async with Application(odd) as app:
        with pytest.raises(WiringError, match=r"no key of a decision model with the tags \(show, seat\)"):
            await app.send(Price("evita", 1))
