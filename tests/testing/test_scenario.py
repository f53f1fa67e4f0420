"""Specifications run the real decisions on given events, and tell what differs side by side."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from diptych.errors import (
    FieldErrors,
    InvalidMessageError,
    Missing,
    NotAllowed,
    Refusal,
    UnknownMessageError,
    WiringError,
)
from diptych.model.results import Accepted, Forbidden, Invalid, NotFound, Refused
from diptych.testing import COMMAND_ID, NOON, Scenario, generated, given
from diptych.testing.differences import side_by_side
from tests.testing.store_room import (
    BinFilled,
    BinOpened,
    FillBin,
    Limit,
    Move,
    Moved,
    OpenBin,
    Ping,
    TooLittle,
    store_room,
)

ONE, TWO = UUID(int=101), UUID(int=102)
OPENED = BinOpened(ONE, "left", NOON)
spec = Scenario(store_room, provide=[Limit(10)])


def test_a_command_records_the_events_of_its_decision() -> None:
    spec.given(OPENED, BinFilled(ONE, 3)).when(FillBin(ONE, 7)).then(BinFilled(ONE, 7)).then_value(None)


def test_events_that_are_given_as_one_list_are_told_apart_from_an_event() -> None:
    with pytest.raises(WiringError, match=r"list is used as an event(.|\n)*fix  give the events one by one"):
        spec.given([OPENED, BinFilled(ONE, 3)]).when(FillBin(ONE, 7))


def test_a_generated_id_is_that_of_the_command() -> None:
    outcome = spec.given().when(OpenBin(label="left"))

    outcome.then(BinOpened(generated("bin"), "left", NOON)).then_value(generated("bin"))
    assert outcome.result == Accepted(generated("bin"), 1, COMMAND_ID)


def test_time_and_principal_are_those_of_when() -> None:
    later = datetime(2026, 5, 1, tzinfo=UTC)

    spec.given().when(OpenBin(bin=ONE, label="left"), now=later, principal="ann").then(
        BinOpened(ONE, "left", later, "ann")
    )


def test_an_accepted_command_may_record_nothing() -> None:
    spec.given(OPENED).when(OpenBin(bin=ONE, label="again")).then_nothing().then_value(ONE)


def test_events_of_another_entity_do_not_reach_the_fold() -> None:
    spec.given(OPENED, BinOpened(TWO, "right", NOON), BinFilled(TWO, 9)).when(FillBin(ONE, 10)).then(BinFilled(ONE, 10))
    spec.given(BinOpened(TWO, "right", NOON)).when(FillBin(ONE, 1)).then_refused(Missing)


def test_events_that_the_fold_does_not_name_do_not_reach_it() -> None:
    spec.given(OPENED, Moved(TWO, ONE, 8)).when(FillBin(ONE, 10)).then(BinFilled(ONE, 10))


def test_a_decision_over_several_entities_gets_the_state_of_each() -> None:
    start = spec.given(BinFilled(ONE, 5), BinFilled(TWO, 1))

    start.when(Move(ONE, TWO, 5)).then(Moved(ONE, TWO, 5))
    start.when(Move(TWO, ONE, 5)).then_refused(TooLittle, there=1, asked=5).then_refused("too-little")


def test_a_refusal_becomes_the_result_that_send_would_give() -> None:
    start = spec.given(OPENED)

    assert start.when(FillBin(ONE, 11)).result == Invalid({"quantity": ("at most 10",)})
    assert start.when(FillBin(TWO, 1)).result == NotFound(f"there is no bin {TWO}", {}, 1)
    assert start.when(FillBin(ONE, 1), principal="thief").then_refused(NotAllowed).result == Forbidden("not you", 1)
    assert start.when(Move(ONE, TWO, 1)).result == Refused(
        "too-little", "0 there, 1 asked for", {"there": 0, "asked": 1}, 1
    )


def test_wrong_fields_are_reported_before_anything_is_decided() -> None:
    spec.given().when(OpenBin(label=" ")).then_invalid({"label": "blank"}).then_invalid({"label": ...}).then_invalid()
    spec.given().when(FillBin(ONE, 0)).then_invalid({"quantity": ["at least 1"]})
    spec.given(OPENED).when(FillBin(ONE, 11)).then_invalid({"quantity": "at most 10"}).then_refused(FieldErrors)


def test_what_when_provides_replaces_what_the_specification_provides() -> None:
    spec.given(OPENED).when(FillBin(ONE, 11), provide=[Limit(11)]).then(BinFilled(ONE, 11))


def test_a_handler_without_state_is_specified_by_its_value() -> None:
    spec.given().when(Ping("hello"), principal="ann").then_value("hello 10 ann").then_nothing()
    spec.given().when(Ping("")).then_refused(Refusal).then_refused("refused")


async def test_a_specification_runs_inside_a_running_loop() -> None:
    spec.given().when(Ping("hello")).then_value("hello 10 None")


def test_what_a_factory_opens_is_closed_after_the_command() -> None:
    seen = []

    async def limits() -> AsyncIterator[Limit]:
        seen.append("opened")
        yield Limit(2)
        seen.append("closed")

    Scenario(store_room, provide=[limits]).given(OPENED).when(FillBin(ONE, 2)).then(BinFilled(ONE, 2))

    assert seen == ["opened", "closed"]


def test_given_may_name_its_parts() -> None:
    given(OPENED, parts=[store_room]).when(FillBin(ONE, 3), provide=[Limit(3)]).then(BinFilled(ONE, 3))


def test_a_command_that_nobody_handles_is_an_error() -> None:
    with pytest.raises(UnknownMessageError, match="FillBin"):
        Scenario().given().when(FillBin(ONE, 1))


def test_an_event_that_the_log_would_refuse_is_an_error() -> None:
    with pytest.raises(InvalidMessageError, match="at: expected a datetime with an offset"):
        spec.given(replace(OPENED, at=datetime(2026, 1, 1))).when(FillBin(ONE, 1))  # noqa: DTZ001 (naive on purpose)


def told(expect: Callable[[], object]) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        expect()
    return str(caught.value).splitlines()


def test_other_events_are_shown_side_by_side() -> None:
    outcome = spec.given(OPENED).when(FillBin(ONE, 7))

    assert told(lambda: outcome.then(BinFilled(ONE, 8), BinFilled(ONE, 1))) == [
        "FillBin records other events",
        "",
        f"  {'expected':52}   found",
        f"  {'BinFilled':52}   BinFilled",
        f"    bin = {ONE!r}     bin = {ONE!r}",
        f"! {'  quantity = 8':52}     quantity = 7",
        f"! {'BinFilled':52}   nothing",
        f"!   bin = {ONE!r}",
        "!   quantity = 1",
    ]


def test_an_expectation_that_does_not_hold_says_what_was_found() -> None:
    room = spec.given(OPENED)
    accepted, refused = room.when(FillBin(ONE, 7)), room.when(Move(ONE, TWO, 1))
    invalid = room.when(FillBin(ONE, 0))

    assert told(lambda: refused.then(BinFilled(ONE, 1)))[0] == "Move was not accepted"
    assert told(lambda: refused.then_value(1))[0] == "Move was not accepted"
    assert told(lambda: accepted.then_value(1))[-1] == "! 1          None"
    assert told(accepted.then_nothing)[3].split() == ["!", "nothing", "BinFilled"]
    assert told(lambda: accepted.then_refused(TooLittle))[0] == "FillBin was not refused"
    assert told(lambda: refused.then_refused(Missing))[-1] == "! Missing    TooLittle: 0 there, 1 asked for"
    assert told(lambda: refused.then_refused("missing"))[0] == "Move was refused for another reason"
    assert told(lambda: refused.then_refused(TooLittle, asked=2, there=0))[-2:] == [
        "! asked: 2   asked: 1",
        "  there: 0   there: 0",
    ]
    assert told(lambda: accepted.then_invalid({"quantity": ...}))[0] == "FillBin was not invalid"
    assert told(lambda: invalid.then_invalid({"bin": ...}))[0] == "FillBin is invalid in other fields"
    assert told(lambda: invalid.then_invalid({"quantity": "blank"}))[0] == "FillBin is invalid in other fields"


def test_values_that_are_no_records_are_shown_as_they_are() -> None:
    assert side_by_side([1], [], reason="r").splitlines()[-1] == "! 1          nothing"
    assert side_by_side([], [], reason="r").splitlines()[-1] == "  nothing    nothing"
