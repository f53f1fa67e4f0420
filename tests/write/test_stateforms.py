"""The form of states: what comes back from JSON, what is refused at start, and which code a saved state belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial, wraps
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest

from diptych import Command, Decider, DecisionModel, Module, Snapshots, WiringError, event
from diptych.application import Application
from diptych.model.folds import Fold
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.upcasting import Upcaster, upcaster_of_json
from diptych.write.stateforms import StateForm
from tests.write.saving import Emptied, Filled, Pot, PotId, evolve

SNAPSHOTS = Snapshots()


def form_of(evolve: Callable[..., Any], initial: Callable[[], Any]) -> StateForm:
    return StateForm(Fold(evolve, initial), SNAPSHOTS, UNCHANGED)


def count(number: int, _: Filled) -> int:
    return number + 1


def count_commented(number: int, _: Filled) -> int:
    """Comments and names of functions do not count."""
    return number + 1  # this neither


def count_twice(number: int, _: Filled) -> int:
    return number + 2


def count_all(number: int, _: Filled | Emptied) -> int:
    return number + 1


def stepping(step: int) -> Callable[[int, Filled], int]:
    def count(number: int, _: Filled) -> int:
        return number + step

    return count


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*given: Any) -> Any:
        return function(*given)

    return call


@dataclass(frozen=True)
class Deep:
    at: MappingProxyType[int, MappingProxyType[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    ratio: float | None = None


def deepen(deep: Deep, _: Filled) -> Deep:
    return deep


class Remembered(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    number: int = 1
    lines: tuple[Remembered, ...] = ()


def remember(state: Remembered, _: Filled) -> Remembered:
    return state


@dataclass(frozen=True)
class Opaque:
    hidden: tuple[complex, ...] = ()


def opaque(state: Opaque, _: Filled) -> Opaque:
    return state


@dataclass(frozen=True)
class Look(Command[None]):
    pot: PotId


def tell(command: Look, state: Opaque) -> Iterator[Filled]:
    yield from ()


def read_back(form: StateForm, state: Any) -> Any:
    return form.read(msgspec.Raw(form.written(state)))


@pytest.mark.parametrize(
    "state", [Deep(), Deep(MappingProxyType({1: MappingProxyType({"a": 0.5}), -2: MappingProxyType({})}), 1e300)]
)
def test_a_state_comes_back_as_it_was_mappings_within_mappings_too(state: Deep) -> None:
    found = read_back(form_of(deepen, Deep), state)

    assert found == state
    assert all(type(inner) is MappingProxyType for inner in (found.at, *found.at.values()))


@pytest.mark.parametrize(
    "state",
    [
        Deep(ratio=math.nan),
        Deep(ratio=math.inf),
        Deep(ratio="text"),  # type: ignore[arg-type]  # what no type checker has seen
        Deep(ratio=object()),  # type: ignore[arg-type]  # as above
        Deep(ratio=1),
        Deep(ratio=True),
    ],
)
def test_a_state_that_does_not_come_back_as_it_was_is_not_written(state: Deep) -> None:
    with pytest.raises(ValueError, match=r"state.ratio: .* comes back as|Deep cannot be written"):
        form_of(deepen, Deep).written(state)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Booked:
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    by: str = ""


def book(booked: Booked, _: Filled) -> Booked:
    return booked


@pytest.mark.parametrize(
    "state",
    [
        Booked(datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))),  # a day later is 23 hours later
        Booked(datetime(2026, 10, 25, 2, 30, fold=1)),  # noqa: DTZ001 (a state may hold a local time)
        Booked(by=Colour.RED),
    ],
)
def test_what_json_says_alike_and_is_not_is_not_written(state: Booked) -> None:
    with pytest.raises(ValueError, match=r"state.(at|by): .* comes back as"):
        form_of(book, Booked).written(state)


def weighing(*fields: Any) -> Callable[[int, Any], int]:
    weighed: type = event("pot.weighed", version=2, since=1)(
        make_dataclass("Weighed", [("pot", str), *fields], frozen=True)
    )

    def weigh(number: int, happened: Any) -> int:
        return number + 1

    weigh.__annotations__["happened"] = weighed
    return weigh


def test_the_fingerprint_follows_the_fields_of_events_and_their_defaults() -> None:
    forms = [
        form_of(weighing(*fields), int)
        for fields in (
            [],
            [("grams", int)],
            [("grams", str)],
            [("grams", int, field(default=0))],
            [("grams", int, field(default=1))],
        )
    ]

    assert len({each.fingerprint for each in forms}) == len(forms)
    assert form_of(weighing(), int).fingerprint == forms[0].fingerprint


def test_the_fingerprint_follows_the_code_and_not_its_words() -> None:
    known = form_of(count, int).fingerprint

    assert form_of(count_commented, int).fingerprint == known
    assert form_of(count, int).fingerprint == known


@pytest.mark.parametrize(
    "other",
    [
        form_of(count_twice, int),
        form_of(count_all, int),
        form_of(count, lambda: 7),
        form_of(logged(count), int),
        form_of(stepping(1), int),
    ],
)
def test_other_code_other_events_and_another_beginning_have_another_fingerprint(other: StateForm) -> None:
    assert other.fingerprint != form_of(count, int).fingerprint


def test_what_a_fold_closes_over_wraps_or_binds_is_part_of_its_code() -> None:
    assert form_of(stepping(1), int).fingerprint != form_of(stepping(2), int).fingerprint
    assert form_of(logged(count), int).fingerprint != form_of(logged(count_twice), int).fingerprint
    assert form_of(stepping(1), int).fingerprint == form_of(stepping(1), int).fingerprint


def older(data: dict[str, Any]) -> Filled:
    return Filled(data["pot"], Decimal(data["cents"]) / 100, "nobody")


def older_still(data: dict[str, Any]) -> Filled:
    return Filled(data["pot"], Decimal(data["cents"]), "nobody")


def test_the_upcasters_before_a_fold_are_part_of_its_code() -> None:
    def made(*upcasters: Upcaster) -> str:
        return StateForm(Fold(count, int), SNAPSHOTS, Lineage(upcasters)).fingerprint

    before = upcaster_of_json(older, "pot.poured", 1)
    assert len({made(), made(before), made(upcaster_of_json(older_still, "pot.poured", 1))}) == 3
    assert made(before) == made(before)


def test_the_parts_that_a_fold_was_compiled_from_stand_for_it() -> None:
    def made(*parts: Callable[..., Any]) -> str:
        return StateForm(Fold(count, int, parts), SNAPSHOTS, UNCHANGED).fingerprint

    assert made(count, partial(count_twice, 1)) == made(count_commented, partial(count_twice, 1))
    assert made(count, partial(count_twice, 1)) != made(count, partial(count_twice, 2))


def test_a_state_that_json_does_not_bring_back_is_refused_at_start_and_its_part_named() -> None:
    module = Module("opaque")
    module.decider(Decider(tell, opaque, initial=Opaque, snapshots=SNAPSHOTS))

    with pytest.raises(WiringError, match=r"states of .*opaque cannot be saved: state.hidden\[\]: complex") as refused:
        Application(module)

    assert "test_stateforms.py" in str(refused.value)


def test_a_state_that_begins_otherwise_than_it_comes_back_is_refused_at_start() -> None:
    with pytest.raises(WiringError, match=r"state.ratio: 0 comes back as 0.0"):
        form_of(deepen, lambda: Deep(ratio=0))


def test_a_pydantic_model_comes_back_too() -> None:
    form = form_of(remember, Remembered)

    assert read_back(form, Remembered(lines=(Remembered(number=2),))) == Remembered(lines=(Remembered(number=2),))


def test_mappings_keep_their_order() -> None:
    form = form_of(deepen, Deep)

    found = read_back(form, Deep(MappingProxyType({number: MappingProxyType({}) for number in (3, 1, 2)})))

    assert list(found.at) == [3, 1, 2]


def test_two_folds_of_one_name_are_refused_at_start() -> None:
    module = Module("twice")
    first, second = (DecisionModel(stepping(step), initial=int, tag="pot", snapshots=SNAPSHOTS) for step in (1, 2))

    @module.decides(one=first.one(lambda command: command.pot), two=second.one(lambda command: command.pot))
    def ask(command: Look, one: int, two: int) -> list[Filled]:
        return []

    with pytest.raises(WiringError, match="two folds with snapshots are named"):
        Application(module)


def test_models_may_share_a_function() -> None:
    first, second = (DecisionModel(evolve, initial=Pot, tag="pot", snapshots=SNAPSHOTS) for _ in range(2))
    module = Module("shared")

    @module.decides(one=first.one(lambda command: command.pot), two=second.one(lambda command: command.pot))
    def ask(command: Look, one: Pot, two: Pot) -> list[Filled]:
        return []

    Application(module)
