"""Fuzzing finds twenty planted bugs of an order decider, and tells each by a history of at most four events."""

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from diptych.errors import WiringError
from diptych.model.aggregates import Aggregate
from diptych.model.decisions import Decider
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.model.methods import evolves, handles
from diptych.module import Module
from diptych.testing import Scenario, fuzz
from diptych.testing.clock import NOON
from diptych.testing.fuzzing.shortening import Sent, shortened
from tests.testing import orders as right
from tests.testing.orders import INVARIANTS, orders
from tests.write import domain

SOURCE = Path(right.__file__).read_text(encoding="utf-8")
LONGEST = 4

# What is planted: the text of the right decider, and the wrong one that takes its place.
BUGS = {
    "off by one": ("quantity > line.quantity:", "quantity > line.quantity + 1:"),
    "off by one at the end of a line": ("if quantity < line.quantity:", "if quantity <= line.quantity:"),
    "a payment that nobody bounds": ("if amount > order.due:", "if amount < 0:"),
    "what was refunded is due no more": ("self.total - self.paid + self.refunded", "self.total - self.paid"),
    "a double refund": ("amount > order.paid - order.refunded", "amount > order.paid"),
    "a refund of the wrong sign": ("amount > order.paid - order.refunded", "amount > order.paid + order.refunded + 1"),
    "a cancellation that refunds twice": (
        "yield Cancelled(command.order, order.paid - order.refunded)",
        "yield Cancelled(command.order, order.paid)",
    ),
    "a cancelled order that goes on": ("if order.cancelled:", "if order.cancelled and order.lines == {}:"),
    "a shipped order that is changed": (
        "        case AddLine(line=line):\n            refuse_shipped(order)",
        "        case AddLine(line=line):",
    ),
    "a parcel that is not paid in full": ("if order.due > 0:", "if order.paid == 0:"),
    "a price that changes": ("refuse_other_prices(order.lines, (line,))", "refuse_other_prices({}, (line,))"),
    "lines taken that are paid for": (
        "if quantity * line.price > order.due:",
        "if quantity * line.price > order.total:",
    ),
    "a payment that replaces the last one": ("paid=order.paid + amount)", "paid=amount)"),
    "a refund that counts as a smaller payment": (
        "replace(order, refunded=order.refunded + amount)\n        case Shipped",
        "replace(order, paid=order.paid - amount)\n        case Shipped",
    ),
    "a line lost on merge": ("quantity=held + line.quantity)", "quantity=line.quantity)"),
    "a line lost when it is reduced": ("if quantity < line.quantity:", "if quantity < 0:"),
    "a fold that changes the state": ("found = dict(lines)", "found = lines"),
    "a decision that changes the state": ("line = order.lines.get(product)", "line = order.lines.pop(product, None)"),
    "an id drawn by the decision": ("context.command_id, context.now", "__import__('uuid').uuid4(), context.now"),
    "a time read by the decision": (
        "context.command_id, context.now",
        "context.command_id, datetime.now(context.now.tzinfo)",
    ),
    "a time without an offset": (
        "context.command_id, context.now",
        "context.command_id, context.now.replace(tzinfo=None)",
    ),
    "money counted in floats": ("order.due - amount)", "Decimal(float(order.due) - float(amount)))"),
    "a crash where a refusal is due": ("order.lines.get(product)", "order.lines[product]"),
    "a fold that forgets an event": ("replace(order, shipped=True)", "order"),
    "an event that the decision does not declare": (
        "Generator[OrderEvent, None",
        "Generator[OrderPlaced | LineAdded, None",
    ),
}


@pytest.fixture
def planted(request: pytest.FixtureRequest) -> Iterator[types.ModuleType]:
    """The right decider with one bug in it, as a module of its own."""
    old, new = request.param
    assert SOURCE.count(old) == 1, f"{old!r} is {SOURCE.count(old)} times in the right decider"
    module = types.ModuleType("planted_orders")
    sys.modules[module.__name__] = module
    exec(compile(SOURCE.replace(old, new), "planted_orders.py", "exec"), module.__dict__)  # noqa: S102 (our own text)
    yield module
    del sys.modules[module.__name__]


def run(machine: Any) -> None:
    machine.TestCase.settings = settings(machine.TestCase.settings, derandomize=True, database=None)
    machine.TestCase().runTest()


def told(machine: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        run(machine)
    return str(caught.value)


def events_in(text: str) -> int:
    """Count the events that a told history holds: those given, and those that the last command records."""
    given, _, rest = text.partition(").when(")
    told = given + (rest.partition(".then(")[2])
    return len(re.findall(r"\b(?:OrderPlaced|LineAdded|LineReduced|Paid|Refunded|Shipped|Cancelled)\(", told))


@pytest.mark.fault
@pytest.mark.parametrize("planted", BUGS.values(), ids=BUGS, indirect=True)
def test_a_planted_bug_is_found_and_told_in_at_most_four_events(planted: types.ModuleType) -> None:
    text = told(fuzz(planted.orders, invariants=planted.INVARIANTS, examples=4000))

    assert events_in(text) <= LONGEST, text


def test_the_right_decider_passes() -> None:
    run(fuzz(orders, invariants=INVARIANTS, examples=300))


def test_the_history_is_told_as_a_test_that_can_be_pasted() -> None:
    def nobody_pays_six(order: right.Order) -> bool:
        return order.paid < 6

    text = told(fuzz(orders, invariants=[nobody_pays_six]))

    code = text.split("\n\n", 1)[1]
    program: dict[str, Any] = {"spec": Scenario(module_of(orders))}
    exec(code, program)  # noqa: S102 (what a user pastes)
    program["test_nobody_pays_six_does_not_hold"]()
    assert 'amount=Decimal("6")' in text
    assert text.startswith("nobody_pays_six does not hold\n")


def test_an_invariant_without_a_value_and_without_an_error_holds() -> None:
    def says_nothing(order: right.Order) -> None:
        assert order is not None

    run(fuzz(orders, invariants=[says_nothing], examples=20))


def test_decisions_over_several_entities_are_fuzzed_too() -> None:
    def no_course_is_overbooked(course: domain.Free) -> bool:
        return course.seats >= 0

    run(fuzz(domain.school, invariants=[no_course_is_overbooked], examples=100))

    def courses_have_many_seats(course: domain.Free) -> bool:
        return course.seats != 1

    assert "CourseOpened(" in told(fuzz(domain.school, invariants=[courses_have_many_seats]))


def test_an_aggregate_is_fuzzed_as_the_decider_that_it_is() -> None:
    def fewer_than_three(counter: Count) -> bool:
        return counter.value < 3

    text = told(fuzz(Counter, invariants=[fewer_than_three]))

    assert text.count("Counted(") == 1, text
    assert "by=3)" in text


def test_what_was_chosen_for_a_field_goes_before_its_type() -> None:
    def nobody_counts(counter: Count) -> bool:
        return counter.value == 0

    for key in ((CountUp, "by"), int):
        text = told(fuzz(Counter, invariants=[nobody_counts], strategies={key: st.just(77)}))
        assert "by=77" in text


def test_an_invariant_of_no_state_and_a_field_of_no_known_type_are_told_at_once() -> None:
    def about_nothing(nothing: bytes) -> bool:
        return bool(nothing)

    with pytest.raises(WiringError, match="about_nothing is about bytes, which is no state here"):
        fuzz(orders, invariants=[about_nothing])
    with pytest.raises(WiringError, match="takes 3 parameters"):
        fuzz(orders, invariants=[lambda _one, _two, _three: True])
    with pytest.raises(WiringError, match="decides nothing that can be fuzzed"):
        fuzz(object())  # type: ignore[arg-type]  # on purpose


def test_without_hypothesis_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "try:\n    from diptych.testing import fuzz\n"
        "except ImportError as missing:\n    print(missing)"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "fuzz needs Hypothesis, which is not installed: pip install 'diptych[testing]'\n"


@dataclass(frozen=True, slots=True)
class Count:
    value: int = 0


@event("counter.counted")
@dataclass(frozen=True, slots=True)
class Counted:
    counter: Annotated[int, Tag("counter")]
    by: int


@dataclass(frozen=True, slots=True)
class CountUp(Command[None]):
    counter: Annotated[int, Tag("counter")]
    by: int


class Counter(Aggregate[Count], tag="counter"):
    @handles
    def count(self, command: CountUp) -> None:
        self.record(Counted(command.counter, command.by))

    @evolves
    def _counted(self, event: Counted) -> Count:
        return Count(self.state.value + event.by)


def module_of(decider: Decider[Any]) -> Module:
    module = Module("orders")
    module.decider(decider)
    return module


def test_an_invariant_of_any_command_is_judged_after_every_command() -> None:
    def says_no(before: right.Order, command: Any, events: Any, after: right.Order) -> bool:
        return command is None

    assert told(fuzz(orders, invariants=[says_no])).startswith("says_no does not hold")


@dataclass(frozen=True)
class Same(Command[None]):
    """Another command whose JSON is that of OpenCourse."""

    course: str
    seats: int


def test_two_commands_that_are_written_alike_are_two_when_a_history_is_shortened() -> None:
    now = Context(NOON, UUID(int=1))
    longer = (Sent(domain.OpenCourse("a", 9), now), Sent(Same("a", 9), now))

    found = shortened(longer, lambda course: bool(course) and type(course[-1].command) is Same, lambda *_: (), ())

    assert [each.command for each in found] == [Same("a", 0)]
