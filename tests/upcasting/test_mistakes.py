"""Mistakes with upcasters fail at start, and say what to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from diptych import Application, Command, Decider, Module, Projection, Subscriber, Tag, WiringError, event
from diptych.codec import EventCodec
from diptych.errors import UnreadableEventError
from diptych.model.upcasting import Upcaster, upcaster_of_json, upcasters_of

Thing = Annotated[str, Tag("thing")]


@event("thing.made", version=1)
@dataclass(frozen=True)
class MadeV1:
    thing: Thing


@event("thing.made", version=2)
@dataclass(frozen=True)
class MadeV2:
    thing: Thing


@event("thing.made", version=3)
@dataclass(frozen=True)
class Made:
    thing: Thing
    size: int = 0


@event("thing.named")
@dataclass(frozen=True)
class Named:
    thing: Thing


@dataclass(frozen=True)
class Make(Command[None]):
    thing: Thing


@dataclass(frozen=True)
class View:
    thing: str


def to_v2(old: MadeV1) -> MadeV2:
    return MadeV2(old.thing)


def to_v2_again(old: MadeV1) -> MadeV2:
    return MadeV2(old.thing)


def to_current(old: MadeV2) -> Made:
    return Made(old.thing, 1)


def back(old: Made) -> MadeV1:
    return MadeV1(old.thing)


def json_of_v1(old: Mapping[str, Any]) -> Made:
    return Made(old["thing"])


def upcasting(*functions: Callable[..., Any]) -> Module:
    module = Module("things")
    for function in functions:
        module.upcasts(function)
    return module


def decider(kind: type) -> Decider[int]:
    def decide(command: Make, count: int) -> Iterator[Any]:
        yield Made(command.thing)

    def evolve(count: int, event: Any) -> int:
        return count + 1

    evolve.__annotations__["event"] = kind
    return Decider(decide, evolve, initial=int)


def test_two_upcasters_of_one_stored_version() -> None:
    with pytest.raises(WiringError, match=r"two upcasters take thing.made@1: to_v2 \(.*\) and to_v2_again"):
        Application(upcasting(to_v2, to_v2_again))


def test_two_upcasters_of_one_stored_version_one_by_its_class_in_another_module() -> None:
    other = Module("others")
    other.upcasts("thing.made", version=1)(json_of_v1)

    with pytest.raises(WiringError, match=r"two upcasters take thing.made@1"):
        Application(upcasting(to_v2), other)


def test_a_circle() -> None:
    with pytest.raises(WiringError, match="in a circle: to_v2 -> to_current -> back -> to_v2"):
        Application(upcasting(to_v2, to_current, back))


def test_an_upcaster_to_its_own_class() -> None:
    def same(old: MadeV1) -> MadeV1:
        return old

    with pytest.raises(WiringError, match="in a circle"):
        Application(upcasting(same))


def test_an_upcaster_of_what_is_current() -> None:
    module = upcasting()
    module.upcasts("thing.made", version=3)(json_of_v1)

    with pytest.raises(WiringError) as wrong:
        Application(module)

    assert "thing.made@3 is read as Made" in str(wrong.value)
    assert "one of them would never run" in str(wrong.value)
    assert '@event("thing.made", version=4)' in str(wrong.value)


def test_a_class_that_takes_the_json_of_a_version_that_is_upcast() -> None:
    @event("thing.made", version=3, since=2)
    @dataclass(frozen=True)
    class Lenient:
        thing: Thing

    with pytest.raises(WiringError, match=r"thing.made@2 is read as .*Lenient.* and to_current .* upcasts it"):
        EventCodec([Lenient], upcasters_of(to_current))


def test_a_class_beside_the_one_that_it_became_without_an_upcaster() -> None:
    with pytest.raises(WiringError) as wrong:
        EventCodec([Made, MadeV2])

    assert "two events are stored as 'thing.made'" in str(wrong.value)
    assert "name Made alone, and write @module.upcasts" in str(wrong.value)


def test_a_fold_that_names_an_outdated_class() -> None:
    module = upcasting(to_v2, to_current)
    module.decider(decider(MadeV1))

    with pytest.raises(WiringError) as wrong:
        Application(module)

    assert "evolve names MadeV1, an outdated form that to_v2" in str(wrong.value)
    assert "fix  use what becomes of it: MadeV2" in str(wrong.value)


def test_a_decision_that_says_to_yield_an_outdated_class() -> None:
    def decide(command: Make, count: int) -> Iterator[MadeV2]:
        yield MadeV2(command.thing)

    def evolve(count: int, event: Made) -> int:
        return count + 1

    module = upcasting(to_v2, to_current)
    module.decider(Decider(decide, evolve, initial=int))

    with pytest.raises(WiringError, match="decide names MadeV2, an outdated form"):
        Application(module)


async def test_a_decision_that_yields_an_outdated_event_without_saying_so() -> None:
    def decide(command: Make, count: int) -> Iterator[Any]:
        yield MadeV2(command.thing)

    def evolve(count: int, event: Made) -> int:
        return count + 1

    module = upcasting(to_v2, to_current)
    module.decider(Decider(decide, evolve, initial=int))
    async with Application(module) as app:
        with pytest.raises(WiringError, match="MadeV2, an outdated form that to_current"):
            await app.send(Make("lamp"))


def test_a_read_model_that_names_an_outdated_class() -> None:
    views = Projection("views")
    model = views.read_model(View, key="thing")

    @model.on
    def made(row: View | None, event: MadeV2) -> View:
        return View(event.thing)

    with pytest.raises(WiringError, match="made names MadeV2, an outdated form"):
        Application(upcasting(to_v2, to_current), views)


def test_a_subscriber_that_names_an_outdated_class_or_name() -> None:
    def rename(old: MadeV1) -> Named:
        return Named(old.thing)

    by_class, by_name = Subscriber("by_class"), Subscriber("by_name")

    @by_class.on
    async def hear(event: MadeV1) -> None: ...

    @by_name.on("thing.named", "thing.made")
    async def hear_names(event: Any) -> None: ...

    with pytest.raises(WiringError, match="hear names MadeV1"):
        Application(upcasting(rename), by_class)
    with pytest.raises(WiringError, match=r"hear_names waits for events stored as 'thing.made', which are upcast by"):
        Application(upcasting(rename), by_name)


def no_return_type(old: MadeV1):  # type: ignore[no-untyped-def]  # the mistake
    return Made(old.thing)


def returns_none(old: MadeV1) -> None: ...


def returns_anything(old: MadeV1) -> Any: ...


def returns_text(old: MadeV1) -> Made | str: ...


def takes_no_event(old: Mapping[str, Any]) -> Made: ...


def takes_two(old: MadeV1, more: int) -> Made: ...


async def is_async(old: MadeV1) -> Made: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_return_type, "the return type of no_return_type names no event"),
        (returns_none, "the return type of returns_none names no event"),
        (returns_anything, "the return type of returns_anything names .*Any, which is no event class"),
        (returns_text, "the return type of returns_text names <class 'str'>, which is no event class"),
        (takes_no_event, r"upcasts .*Mapping\[str, .*Any\], which is no event class"),
        (takes_two, "takes_two is no upcaster: it takes 2 parameters, or is async"),
        (is_async, "is_async is no upcaster"),
    ],
)
def test_what_is_no_upcaster_is_refused_where_it_is_registered(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(WiringError, match=said):
        Module("things").upcasts(function)


def test_json_that_is_taken_as_a_class_is_refused() -> None:
    with pytest.raises(WiringError, match=r"upcasts the JSON of thing.made@1, and takes a MadeV1"):
        Module("things").upcasts("thing.made", version=1)(to_v2)


def test_json_under_a_name_that_no_event_can_have_is_refused() -> None:
    with pytest.raises(WiringError, match="'Thing Made' version 1 cannot name an event in the log"):
        Module("things").upcasts("Thing Made", version=1)(json_of_v1)


@pytest.mark.parametrize("since", [0, 3])
def test_versions_since_which_json_fits_lie_below_the_current_one(since: int) -> None:
    with pytest.raises(WiringError, match=f"is said to fit the JSON since version {since}"):
        event("thing.made", version=2, since=since)


def read(upcaster: Upcaster, data: bytes = b'{"thing":"lamp"}') -> tuple[Any, ...]:
    return EventCodec([Made], [upcaster]).read(upcaster.source.name, upcaster.source.version, data)


def test_an_upcaster_that_raises_makes_its_event_unreadable_and_is_named() -> None:
    def broken(old: MadeV1) -> Made:
        raise KeyError(old.thing)

    with pytest.raises(
        UnreadableEventError, match=r"broken \(.*test_mistakes.py:\d+\) cannot upcast .*KeyError: 'lamp'"
    ):
        read(*upcasters_of(broken))


def test_an_upcaster_answers_what_its_return_type_says() -> None:
    def lies(old: MadeV1) -> tuple[Made]:
        return (Named(old.thing),)  # type: ignore[return-value]  # the mistake

    def lies_alone(old: MadeV1) -> Made:
        return 7  # type: ignore[return-value]  # the mistake

    with pytest.raises(UnreadableEventError, match=r"makes a Named of thing.made@1, and its return type names Made"):
        read(*upcasters_of(lies))
    with pytest.raises(UnreadableEventError, match=r"cannot upcast thing.made@1: TypeError"):
        read(*upcasters_of(lies_alone))


def test_an_event_stays_with_the_entity_that_it_was_stored_for() -> None:
    def moved(old: MadeV1) -> Made:
        return Made(old.thing.upper())

    def moved_by_json(old: Mapping[str, Any]) -> Made:
        return Made(old["thing"].upper())

    with pytest.raises(
        UnreadableEventError, match=r"makes of thing.made@1 an event of 'thing:LAMP', and .* thing:lamp"
    ):
        read(*upcasters_of(moved))
    assert read(upcaster_of_json(moved_by_json, "thing.made", 1)) == (Made("LAMP"),)


def test_an_upcaster_that_makes_events_whose_tags_cannot_be_told_makes_its_event_unreadable() -> None:
    @event("thing.told")
    @dataclass(frozen=True)
    class Told:
        thing: Annotated[str, Tag("thing", text=str.lower)]

    def nameless(old: MadeV1) -> Told:
        return Told(None)  # type: ignore[arg-type]  # the mistake

    nameless.__annotations__["return"] = Told
    with pytest.raises(UnreadableEventError, match=r"nameless .* cannot upcast thing.made@1: TypeError"):
        read(*upcasters_of(nameless))
