"""`fuzz`: a Hypothesis state machine that sends made-up commands and judges every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import settings as Settings  # noqa: N812 (a class, whatever Hypothesis calls it)
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from diptych.errors import InvalidMessageError, WiringError
from diptych.injection import Injector
from diptych.model.aggregates import Aggregate, decider_of
from diptych.model.decisions import Decider, Decision, decisions_of_decider
from diptych.model.fields import place_of
from diptych.model.folds import takes
from diptych.model.meta import Context
from diptych.module import Module
from diptych.testing.clock import NOON
from diptych.testing.fuzzing.course import Course, Step
from diptych.testing.fuzzing.draw import Draw, Strategy
from diptych.testing.fuzzing.drawing import Drawing, Make
from diptych.testing.fuzzing.invariants import Invariant, invariants_of, judge
from diptych.testing.fuzzing.seen import Seen
from diptych.testing.fuzzing.shortening import Sent, shortened
from diptych.testing.fuzzing.telling import told
from diptych.write.deciding import Deciding
from diptych.write.requests import canonical

Fuzzed = Decider[Any] | type[Aggregate[Any]] | Module
_FIRST_COMMAND = 1000
_TRIALS = 4
_SEEDS = (1 << 32) - 1
_PASSED = tuple(timedelta(minutes=minutes) for minutes in (0, 1, 60, 24 * 60, 40 * 24 * 60))
_NEVER_HERE = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@dataclass(frozen=True)
class Setup:
    """Hold what every run begins with: the decisions, how commands are made, what must hold."""

    decidings: Mapping[type, Deciding]
    made: Mapping[type, Make]
    knowing: frozenset[type]
    principals: tuple[str | None, ...]
    invariants: tuple[Invariant, ...]
    fixed: frozenset[Any]

    def command(self, draw: Draw, seen: Seen, left_out: frozenset[type]) -> tuple[Any, timedelta, str | None]:
        """Make a command up, with how much later and by whom it is sent where its decision can know."""
        cls = draw.one([each for each in self.made if each not in left_out])
        known = cls in self.knowing
        passed, principal = (draw.one(_PASSED), draw.one(self.principals)) if known else (timedelta(), None)
        return self.made[cls](draw, seen), passed, principal

    def broken(self, commands: Sequence[Sent]) -> tuple[str, Course] | None:
        """Return the law that these commands break, with their course up to there, or None."""
        course = Course(self.decidings)
        for command, context in commands:
            try:
                judge(course, course.take(command, context), self.invariants)
            except AssertionError as broken:
                return str(broken), course
        return None

    def held(self, commands: Sequence[Sent], kind: type) -> Sequence[Any]:
        """Return the numbers of this type that the states hold after these commands, or compute of themselves."""
        course, seen = Course(self.decidings), Seen()
        for command, context in commands:
            course.take(command, context)
        for live in course.entities:
            seen.learn_state(live.state)
        return seen.of(kind)


class DecisionMachine(RuleBasedStateMachine):
    """Send made-up commands, one after the other, and judge every step."""

    setup: ClassVar[Setup]

    def __init__(self) -> None:
        super().__init__()
        self.course = Course(self.setup.decidings)
        self.seen = Seen()
        self._passed = timedelta()
        self._left_out: frozenset[type] = frozenset()

    @rule(seed=st.integers(0, _SEEDS), data=st.data())
    def send(self, seed: int, data: st.DataObject) -> None:
        """Send commands until one records something, at most a few: a step that changes nothing leads nowhere."""
        __tracebackhide__ = True
        draw = Draw(seed, data.draw)
        if not self._left_out and self.course.log:
            # A run that never cancels gets further (Groce and others, "Swarm Testing", 2012).
            self._left_out = draw.subset(tuple(self.setup.made))
        vain = self._left_out
        for _ in range(_TRIALS):
            command, passed, principal = self.setup.command(draw, self.seen, vain)
            if self._records(command, passed, principal):
                return
            vain |= {type(command)} if len(vain) + 1 < len(self.setup.made) else set()

    def _records(self, command: Any, passed: timedelta, principal: str | None) -> bool:
        """Take a command and say whether it recorded events; raise AssertionError where a law breaks."""
        __tracebackhide__ = True
        try:
            _, command = canonical(command)
        except InvalidMessageError:
            return False
        self._passed += passed
        context = Context(NOON + self._passed, UUID(int=_FIRST_COMMAND + len(self.course.steps)), principal)
        try:
            step = self.course.take(command, context)
            judge(self.course, step, self.setup.invariants)
        except AssertionError as broken:
            raise AssertionError(self._told(str(broken))) from broken.__cause__
        self._learn(step)
        return bool(step.decided.events)

    def _told(self, law: str) -> str:
        kind = law.partition(":")[0]

        def breaks(commands: Sequence[Sent]) -> bool:
            found = self.setup.broken(commands)
            return found is not None and found[0].partition(":")[0] == kind

        recorded = {each.meta.command_id for each in self.course.log}
        steps = tuple(Sent(*step) for step in self.course.steps)
        effective = (*(each for each in steps[:-1] if each.context.command_id in recorded), steps[-1])
        sent = effective if breaks(effective) else steps
        found = self.setup.broken(shortened(sent, breaks, self.setup.held, self.setup.fixed)) or (law, self.course)
        return told(*found, self.setup.decidings)

    def _learn(self, step: Step) -> None:
        for message in (step.command, *step.decided.events):
            self.seen.learn(message)
        for _, live in step.states:
            self.seen.learn_state(live.state)


def fuzz(
    subject: Fuzzed,
    *,
    invariants: Iterable[Callable[..., Any]] = (),
    strategies: Mapping[Any, Strategy] | None = None,
    provide: Iterable[Any] = (),
    principals: Sequence[str | None] = (None, "ann", "bob"),
    examples: int = 500,
    steps: int = 10,
) -> type[RuleBasedStateMachine]:
    """Build a Hypothesis state machine that sends commands made up from their types and shrinks to what breaks a law.

    Laws that hold of every decision: it raises nothing but a Refusal, it answers the same when it is asked again, it
    changes no state, its events are read back from the log as they were written, and fold to the same state.
    `invariants` are yours: `(state)`, `(state, events)` with the events that made it, or `(before, command, events,
    after)` for an accepted command; the types of their parameters say of which states and commands. One that returns
    a false value, or raises AssertionError, does not hold.

    `strategies` go before what the types say, by type or by `(Class, "field")`. What decisions take beside command and
    state is provided by `provide`, values only. `principals` send, to decisions that take a Context.

    The failure is an AssertionError with the shortest course of events as a test that can be pasted::

        TestOrders = fuzz(orders, invariants=[paid_orders_have_lines]).TestCase

    Raises WiringError for a field of a type that nothing is known about, and for an invariant of no state.
    """
    decisions = _decisions_of(subject)
    injector, drawing = Injector(provide), Drawing(strategies or {})
    initials = [selection.model.fold.initial() for each in decisions for _, selection in each.selections]
    setup = Setup(
        {each.command: Deciding(each, injector) for each in decisions},
        {each.command: drawing.messages(each.command) for each in decisions},
        frozenset(each.command for each in decisions if takes(each.function, Context)),
        tuple(principals),
        invariants_of(tuple(invariants), initials),
        frozenset(strategies or ()),
    )
    machine: Any = type("DecisionMachine", (DecisionMachine,), {"setup": setup})
    machine.TestCase.settings = _settings(examples, steps)
    return machine  # type: ignore[no-any-return]  # made right here


def _decisions_of(subject: Fuzzed) -> tuple[Decision, ...]:
    if isinstance(subject, Module):
        found = tuple(subject.decisions.values())
        if not found:
            raise WiringError(f"module {subject.name!r} decides nothing", fix="register a decider, or fuzz another")
        return found
    if isinstance(subject, type) and issubclass(subject, Aggregate):
        return decisions_of_decider(decider_of(subject))
    if isinstance(subject, Decider):
        return decisions_of_decider(subject)
    raise WiringError(
        f"{subject!r} decides nothing that can be fuzzed",
        where=place_of(subject),
        fix="pass a Decider, an Aggregate class or a Module",
    )


def _settings(examples: int, steps: int) -> Settings:
    """Return the user's profile with what a course needs; its report takes the place of Hypothesis' list of steps."""
    return Settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # the course shortens itself
        suppress_health_check=_NEVER_HERE,
        verbosity=Verbosity.quiet,
    )
