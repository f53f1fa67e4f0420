"""An application is described from its wiring alone, and drawn as text, JSON, Mermaid and SVG."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from diptych import (
    Aggregate,
    Application,
    Command,
    Decider,
    Module,
    Projection,
    Query,
    Refusal,
    Repository,
    Rows,
    Subscriber,
    Tag,
    event,
    evolves,
    handles,
)
from diptych.describing.describe import describe
from diptych.describing.description import CommandPart, Description, Edge, EventPart
from diptych.describing.drawing import as_svg
from diptych.describing.layout import laid_out
from diptych.describing.tested import with_tests
from diptych.describing.texts import as_mermaid, as_text

Room = Annotated[str, Tag("room")]


@event("room.opened")
@dataclass(frozen=True)
class Opened:
    room: Room


@event("room.closed")
@dataclass(frozen=True)
class Closed:
    room: Room


@event("room.painted", version=2)
@dataclass(frozen=True)
class Painted:
    room: Room


@event("room.haunted")
@dataclass(frozen=True)
class Haunted:
    room: Room


class AlreadyOpen(Refusal):
    """The room is open."""


@dataclass(frozen=True)
class Open(Command[None]):
    """Open a room."""

    room: Room


@dataclass(frozen=True)
class Close(Command[None]):
    room: Room


@dataclass(frozen=True)
class Paint(Command[None]):
    room: Room


@dataclass(frozen=True)
class RoomRow:
    room: str


@dataclass(frozen=True)
class DustRow:
    room: str


@dataclass(frozen=True)
class ListRooms(Query[list[RoomRow]]):
    most: int = 10


@dataclass(frozen=True)
class Doors:
    are_open: bool = False


def decide(command: Open | Close, is_open: bool) -> Iterator[Opened | Closed]:
    match command:
        case Open(room=room):
            refuse_open(is_open)
            yield Opened(room)
        case Close(room=room):
            yield Closed(room)


def refuse_open(is_open: bool) -> None:
    if is_open:
        raise AlreadyOpen


def evolve(is_open: bool, happened: Opened | Closed) -> bool:
    return isinstance(happened, Opened)


def paint(command: Paint, painted: int) -> Iterator[Painted]:
    yield Painted(command.room)


def count(painted: int, happened: Haunted) -> int:
    return painted + 1


class Hall(Aggregate[Doors], tag="room"):
    @handles
    def open(self, command: Open) -> None:
        self.begin(command.room)

    @handles
    def close(self, command: Close) -> None:
        self.record(Closed(command.room))

    def begin(self, room: str) -> None:
        refuse_open(self.state.are_open)
        self.record(Opened(room))

    @evolves
    def _opened(self, _: Opened) -> Doors:
        return Doors(are_open=True)

    @evolves
    def _closed(self, _: Closed) -> Doors:
        return Doors()


@pytest.fixture
def description() -> Description:
    rooms, views, bell = Module("rooms"), Projection("views"), Subscriber("bell")
    rooms.decider(Decider(decide, evolve, initial=bool))
    rooms.decider(Decider(paint, count, initial=int))
    shown, dust = views.read_model(RoomRow, key="room"), views.read_model(DustRow, key="room")

    @shown.on
    def opened(_: RoomRow | None, event: Opened) -> RoomRow:
        return RoomRow(event.room)

    @dust.on
    def gathered(_: DustRow | None, event: Closed) -> DustRow:
        return DustRow(event.room)

    @bell.on
    async def ring(event: Opened) -> None: ...

    @rooms.query
    async def list_rooms(query: ListRooms, rooms: Rows[RoomRow]) -> list[RoomRow]:
        return []

    return describe(Application(rooms, views, bell))


def test_a_command_is_joined_to_the_events_of_its_case_only(description: Description) -> None:
    opening, closing = description.commands[:2]

    assert (opening.events, closing.events) == (("Opened",), ("Closed",))
    assert (opening.summary, opening.module, opening.result) == ("Open a room.", "rooms", "None")


def test_a_method_of_an_aggregate_is_followed_to_its_events_and_refusals() -> None:
    halls = Module("halls")
    halls.aggregate(Hall)

    opening, closing = describe(Application(halls)).commands

    assert (opening.events, opening.refusals) == (("Opened",), ("AlreadyOpen",))
    assert (closing.events, closing.refusals) == (("Closed",), ())


def test_a_handler_is_followed_into_the_aggregate_that_it_loads() -> None:
    halls = Module("halls")

    @halls.command
    async def open_hall(command: Open, halls: Repository[Hall]) -> None:
        (await halls.get(command.room)).begin(command.room)

    (opening,) = describe(Application(halls)).commands

    assert (opening.events, opening.refusals) == (("Opened",), ("AlreadyOpen",))


def test_refusals_are_those_that_the_source_raises_and_what_it_calls(description: Description) -> None:
    assert "AlreadyOpen" in description.commands[0].refusals
    assert description.commands[2].refusals == ()


def test_events_tell_who_records_folds_and_handles_them(description: Description) -> None:
    opened = next(each for each in description.events if each.name == "Opened")

    assert (opened.stored, opened.recorded_by) == ("room.opened@1", ("Open",))
    assert (opened.folded_by, opened.handled_by) == (("room_row",), ("bell",))
    assert opened.decided_on_by == ("Open", "Close")


def test_what_nobody_uses_is_listed(description: Description) -> None:
    assert description.unused_events == {
        "Painted": "folded and handled by nobody",
        "Haunted": "recorded by nobody",
    }
    assert description.unread_models == ("dust_row",)


def test_edges_lead_from_commands_to_queries(description: Description) -> None:
    assert Edge(("command", "Open"), ("event", "Opened")) in description.edges
    assert Edge(("event", "Opened"), ("read_model", "room_row")) in description.edges
    assert Edge(("event", "Opened"), ("subscriber", "bell")) in description.edges
    assert Edge(("read_model", "room_row"), ("query", "ListRooms")) in description.edges


def test_messages_that_no_test_names_are_listed(description: Description, tmp_path: Path) -> None:
    (tmp_path / "test_rooms.py").write_text("from rooms import Open\n# Close\nname = 'Paint'\nassert rooms.ListRooms\n")

    found = with_tests(description, tmp_path)

    assert found.untested == ("Close", "Paint", "Opened", "Closed", "Painted", "Haunted")
    assert "no test names: Close" in as_text(found)
    assert description.untested is None


def test_text_has_a_line_for_every_part(description: Description) -> None:
    lines = as_text(description).splitlines()

    assert "  Open   Opened  (or AlreadyOpen)" in lines
    assert "  ListRooms  room_row" in lines
    assert "unread read model: dust_row" in lines
    assert "unused event: Haunted, recorded by nobody" in lines


def test_json_holds_all_of_it(description: Description) -> None:
    told = json.loads(msgspec.json.encode(description.as_json()))

    assert told["commands"][0]["fields"] == [
        {"name": "room", "type": "str", "required": True, "constraints": ["tags room"]}
    ]
    assert told["commands"][0]["example"] == {"room": "text"}
    assert told["unread_models"] == ["dust_row"]


def test_mermaid_names_every_part_once_and_every_edge(description: Description) -> None:
    lines = as_mermaid(description).splitlines()

    assert lines[0] == "flowchart LR"
    assert '    n0["Open"]' in lines
    assert sum("-->" in line for line in lines) == len(description.edges)


def test_names_that_mean_something_to_a_format_are_escaped(description: Description) -> None:
    odd = replace(description.queries[0], name='<a href="x">&]}')
    strange = replace(description, queries=(odd,))

    parsed(as_svg(strange))
    assert '{{"#60;a href#61;#34;x#34;#62;#38;#93;#125;"}}' in as_mermaid(strange)


def test_svg_is_well_formed_accessible_and_without_scripts(description: Description) -> None:
    drawn = as_svg(description, title="Rooms & more")

    tree = parsed(drawn)
    space = {"s": "http://www.w3.org/2000/svg"}
    assert [each.text for each in tree.findall("s:title", space)] == ["Rooms & more"]
    assert len(tree.findall("s:path", space)) == len(description.edges)
    assert {each.get("class") for each in tree.findall("s:g", space)} == {None, "unused"}
    assert "<script" not in drawn


def test_the_layout_crosses_no_edges_that_need_not_cross() -> None:
    names = ("a", "b", "c", "d")
    base = describe(Application())
    events = tuple(_event(name) for name in names)
    commands = tuple(_command(name, events[3 - index].name) for index, name in enumerate(names))

    columns = laid_out(replace(base, commands=commands, events=events)).columns

    order = [name for _, name in columns[1]]
    assert [next(each.events[0] for each in commands if each.name == name) for _, name in columns[0]] == order


def test_an_application_of_nothing_is_drawn_too() -> None:
    nothing = describe(Application())

    assert as_text(nothing) == "\n"
    parsed(as_svg(nothing))


def _command(name: str, happened: str) -> CommandPart:
    return CommandPart(name, "m", "", "", (), "None", (happened,), (), ())


def _event(name: str) -> EventPart:
    return EventPart(f"e{name}", name, "", "", (), (), (), (), ())


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 (our own drawing)
