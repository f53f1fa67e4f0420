"""`diptych doctor` says which stored names and versions are read, how, and which are not."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner

from diptych import Application, Command, Decider, Module, Tag, event
from diptych.cli import main
from diptych.testing import golden_log, write_log
from tests.upcasting import new_shop

FIRST = Path(__file__).with_name("golden") / "first.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the log that the first version wrote, folded by the current one."""

    async def write() -> None:
        async with new_shop.application(events="sqlite:///shop.db") as app:
            await write_log(app, golden_log(FIRST))
            await app.caught_up()

    monkeypatch.chdir(tmp_path)
    asyncio.run(write())
    return tmp_path


def doctor(app: str = "app") -> tuple[int, dict[str, dict[str, Any]]]:
    result = CliRunner().invoke(main, ["doctor", "--app", f"tests.upcasting.new_shop:{app}", "--json"])
    return result.exit_code, {each["about"]: each for each in json.loads(result.stdout)}


def test_an_event_is_shown_as_it_is_stored_and_as_it_is_today(folder: Path) -> None:
    words = ["events", "show", "8", "--app", "tests.upcasting.new_shop:app"]
    shown = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    printed = CliRunner().invoke(main, words).stdout

    assert (shown["type"], shown["version"], shown["data"]["paid"]) == ("order.confirmed", 1, "12.50")
    assert shown["today"] == [
        {"type": "payment.taken", "version": 1, "data": {"order": "a1", "amount": "12.50", "method": "card"}},
        {"type": "order.confirmed", "version": 2, "data": {"order": "a1"}},
    ]
    assert "today        payment.taken@1" in printed
    assert "today" not in json.loads(CliRunner().invoke(main, [*words[:2], "1", *words[3:], "--json"]).stdout)


def test_the_doctor_is_green_where_everything_is_upcast(folder: Path) -> None:
    status, found = doctor()

    assert status == 0
    assert found["events"]["text"] == "every stored kind can be read (5)"
    assert found["events order.placed@1"]["text"].startswith("3 events, upcast by name_the_customer (")
    assert found["events order.confirmed@1"]["text"].startswith("2 events, upcast by split (")
    assert "events stock.moved@1" not in found


def test_without_an_upcaster_the_doctor_is_red_and_names_pair_and_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [each for each in new_shop.shop.upcasters if each.source.name != "order.confirmed"]
    monkeypatch.setattr(new_shop.shop, "upcasters", kept)
    monkeypatch.setattr(new_shop, "app", new_shop.application(events="sqlite:///shop.db"))

    status, found = doctor()

    assert status == 1
    lost = found["events order.confirmed@1"]
    assert (lost["level"], lost["text"]) == ("error", "2 events that no class and no upcaster reads")
    assert '@module.upcasts("order.confirmed", version=1)' in lost["fix"]
    assert found["projection views"]["level"] == "error"  # its rows would be others without that upcaster
    assert "events" not in found


async def test_without_an_upcaster_the_projection_stops_at_the_first_event_of_the_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [each for each in new_shop.shop.upcasters if each.source.name != "order.confirmed"]
    monkeypatch.setattr(new_shop.shop, "upcasters", kept)
    async with new_shop.application() as app:
        await write_log(app, [each for each in golden_log(FIRST) if each.name != "order.noted"])
        with pytest.raises(Exception, match=r"no class reads 'order.confirmed' version 1"):
            await app.caught_up()
        assert (await app.checkpoints())["views"].position == 7


def test_a_decision_by_a_tag_that_old_events_lack_is_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True, slots=True)
    class Greet(Command[None]):
        customer: Annotated[str, Tag("customer")]

    @event("order.submitted", version=2)
    @dataclass(frozen=True, slots=True)
    class Submitted:
        order: new_shop.Order
        customer: Annotated[str, Tag("customer")]

    def greet(command: Greet, orders: int) -> Iterator[Submitted]:
        yield Submitted("a9", command.customer)

    def count(orders: int, event: Submitted) -> int:
        return orders + 1

    def renew(old: new_shop.PlacedV1) -> Submitted:
        return Submitted(old.order, old.buyer)

    greetings = Module("greetings")
    greet.__annotations__["command"], renew.__annotations__["return"] = Greet, Submitted
    greet.__annotations__["return"], count.__annotations__["event"] = Iterator[Submitted], Submitted
    greetings.upcasts(renew)
    greetings.decider(Decider(greet, count, initial=int))
    monkeypatch.setattr(new_shop, "app", Application(greetings, events="sqlite:///shop.db"))

    result = CliRunner().invoke(main, ["doctor", "--app", "tests.upcasting.new_shop:app", "--json"])

    found = [each for each in json.loads(result.stdout) if each["about"] == "events order.placed@1"]
    assert [each["level"] for each in found] == ["ok", "warning"]
    assert "3 events without the tag 'customer', by which" in found[1]["text"]
