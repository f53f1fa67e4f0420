"""Random interleavings of changes, asks, restarts and clock steps, over two applications on the same two files."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter as Tally
from collections.abc import Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any

import sqlalchemy as sa

from diptych import (
    Answer,
    Application,
    Cached,
    Command,
    Context,
    Decider,
    Module,
    Projection,
    Query,
    Rows,
    Tag,
    event,
)
from diptych.testing import FixedClock

Name = Annotated[str, Tag("counter")]
NAMES = ("a", "b", "c")
TTL = 10.0
AT_ONCE = 12


@event("counter.bumped")
@dataclass(frozen=True)
class Bumped:
    name: Name


@event("counter.marked")
@dataclass(frozen=True)
class Marked:
    name: Name


@dataclass(frozen=True)
class Bump(Command[int]):
    name: Name


@dataclass(frozen=True)
class Mark(Command[int]):
    name: Name


@dataclass(frozen=True)
class State:
    bumps: int = 0
    marks: int = 0


def evolve(state: State, event: Bumped | Marked) -> State:
    match event:
        case Bumped():
            return State(state.bumps + 1, state.marks)
        case Marked():
            return State(state.bumps, state.marks + 1)


def bump(command: Bump, state: State) -> Generator[Bumped, None, int]:
    yield Bumped(command.name)
    return state.bumps + 1


def mark(command: Mark, state: State) -> Generator[Marked, None, int]:
    yield Marked(command.name)
    return state.marks + 1


@dataclass(frozen=True, slots=True)
class Counter:
    name: str
    bumps: int


@dataclass(frozen=True, slots=True)
class MarkCounter:
    name: str
    marks: int


def projections() -> tuple[Projection, Projection]:
    counters, marks = Projection("counters"), Projection("marks")

    @counters.read_model(Counter, key="name").on
    def bumped(row: Counter | None, event: Bumped) -> Counter:
        return Counter(event.name, (row.bumps if row else 0) + 1)

    @marks.read_model(MarkCounter, key="name").on
    def marked(row: MarkCounter | None, event: Marked) -> MarkCounter:
        return MarkCounter(event.name, (row.marks if row else 0) + 1)

    return counters, marks


@dataclass(frozen=True)
class Fresh(Query[tuple[int, ...]]):
    name: str


@dataclass(frozen=True)
class Aged(Query[tuple[int, ...]]):
    name: str


@dataclass(frozen=True)
class Own(Query[tuple[int, ...]]):
    name: str


@dataclass(frozen=True)
class Sum(Query[tuple[int, ...]]):
    """Selects from a read model that its handler does not take."""


class Gate:
    """Hold up every other load after it has read, until the driver lets it go."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._held: list[asyncio.Event] = []
        self._open = False

    async def hold(self) -> None:
        if not self._open and self._random.random() < 0.5:
            self._held.append(asyncio.Event())
            await self._held[-1].wait()

    def let_go(self, count: int) -> None:
        for _ in range(min(count, len(self._held))):
            self._held.pop(self._random.randrange(len(self._held))).set()

    def open(self) -> None:
        """Hold up no load any more."""
        self._open = True
        self.let_go(len(self._held))

    @property
    def held(self) -> int:
        return len(self._held)


async def bumps_of(name: str, counters: Rows[Counter], gate: Gate) -> tuple[int, ...]:
    row = await counters.get(name)
    await gate.hold()
    return (row.bumps if row else 0,)


async def fresh(query: Fresh, counters: Rows[Counter], gate: Gate) -> tuple[int, ...]:
    return await bumps_of(query.name, counters, gate)


async def aged(query: Aged, counters: Rows[Counter], gate: Gate) -> tuple[int, ...]:
    return await bumps_of(query.name, counters, gate)


async def own(query: Own, counters: Rows[Counter], context: Context, gate: Gate) -> tuple[int, ...]:
    assert context.principal is not None
    return (int(context.principal), *await bumps_of(query.name, counters, gate))


async def sums(query: Sum, counters: Rows[Counter], gate: Gate) -> tuple[int, ...]:
    bumps = await counters.select(sa.select(sa.func.sum(counters.table.c.bumps)))
    marks = await counters.select(sa.select(sa.func.sum(sa.column("marks"))).select_from(sa.table("mark_counter")))
    await gate.hold()
    return (bumps[0][0] or 0, marks[0][0] or 0)


def module() -> Module:
    made = Module("counters")
    made.decider(Decider(bump, evolve, initial=State))
    made.decider(Decider(mark, evolve, initial=State))
    made.query(cache=Cached(until_change=True))(fresh)
    made.query(cache=Cached(ttl=TTL))(aged)
    made.query(cache=Cached(until_change=True, vary=lambda context: context.principal))(own)
    made.query(cache=Cached(until_change=True))(sums)
    return made


@dataclass(frozen=True, slots=True)
class Truth:
    """What the rows held at some moment, read past the applications."""

    at: float
    bumps: dict[str, int]
    marks: int

    def of(self, query: Any, principal: str) -> tuple[int, ...]:
        match query:
            case Sum():
                return (sum(self.bumps.values()), self.marks)
            case Own(name):
                return (int(principal), self.bumps.get(name, 0))
            case _:
                return (self.bumps.get(query.name, 0),)


class Driver:
    """Take random steps, and check every answer when it comes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._events, self._reads = folder / "log.db", folder / "rows.db"
        self.random, self.clock = Random(seed), FixedClock()
        self.gate = Gate(self.random)
        self._stacks: list[AsyncExitStack] = []
        self._applications: list[Application] = []
        self._truths: list[Truth] = [Truth(0.0, {}, 0)]
        self._recorded: list[tuple[int, str, int]] = []
        self._asks: set[asyncio.Task[None]] = set()
        self.checked = self.restarts = 0
        self.outcomes: Tally[str] = Tally()

    async def run(self, steps: int) -> None:
        for _ in range(2):
            await self._open()
        self._rows = sqlite3.connect(f"file:{self._reads}?mode=ro", uri=True, isolation_level=None)
        try:
            for _ in range(steps):
                await self._step()
            await self._settle()
            for application in self._applications:
                self.outcomes.update(_outcomes(application))
        finally:
            self.gate.open()
            await asyncio.gather(*self._asks, return_exceptions=True)
            for stack in self._stacks:
                await stack.aclose()
            self._rows.close()

    async def _open(self) -> None:
        stack = AsyncExitStack()
        application = Application(
            module(),
            *projections(),
            events=f"sqlite:///{self._events}",
            reads=f"sqlite:///{self._reads}",
            provide=[self.gate],
            clock=self.clock,
            cache_bytes=20_000,
        )
        self._applications.append(await stack.enter_async_context(application))
        self._stacks.append(stack)

    async def _step(self) -> None:
        drawn = self.random.random()
        if drawn < 0.60:
            self._ask()
        elif drawn < 0.75:
            await self._change()
        elif drawn < 0.90:
            self.gate.let_go(self.random.randrange(1, 4))
        elif drawn < 0.995:
            self.clock.advance(seconds=self.random.choice((0.5, 3, 6, 11, -8)))
        else:
            await self._restart()
        if len(self._asks) >= AT_ONCE:
            self.gate.let_go(2)
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        self._collect()

    async def _change(self) -> None:
        name, application = self.random.choice(NAMES), self.random.choice(self._applications)
        if self.random.random() < 0.7:
            result = await application.send(Bump(name))
            self._recorded.append((result.position, name, result.unwrap()))
        else:
            result = await application.send(Mark(name))
        if self.random.random() < 0.7:
            await self._applications[0].caught_up()

    def _ask(self) -> None:
        application, name = self.random.choice(self._applications), self.random.choice(NAMES)
        query = self.random.choice((Fresh(name), Aged(name), Own(name), Sum()))
        after = self._recorded[-1][0] if self._recorded and self.random.random() < 0.3 else 0
        task = asyncio.create_task(self._asked(application, query, after, self.random.choice("12")))
        self._asks.add(task)
        if self.random.random() < 0.05:
            asyncio.get_running_loop().call_soon(task.cancel)

    async def _asked(self, application: Application, query: Any, after: int, principal: str) -> None:
        before = self._truth()
        answer = await application.answer(query, after=after, wait=30, principal=principal)
        self._check(query, principal, after, before, answer)

    def _check(self, query: Any, principal: str, after: int, before: Truth, answer: Answer) -> None:
        promised = self._promised(query, before)
        told = f"{query} after {after}: {answer} of {before}, promised {promised}"
        least = promised.of(query, principal)
        assert all(got >= least for got, least in zip(answer.value, least, strict=True)), f"older than promised: {told}"
        most = self._truth().of(query, principal)
        assert all(got <= most for got, most in zip(answer.value, most, strict=True)), f"never was: {told}"
        for position, name, bumps in self._recorded:
            if position <= max(after, answer.position) and getattr(query, "name", None) == name:
                assert answer.value[-1] >= bumps, f"does not hold position {position}: {told}"
        self.checked += 1

    def _promised(self, query: Any, before: Truth) -> Truth:
        """Return what an answer must hold at least: all that was there, or with a ttl all that was there then."""
        if not isinstance(query, Aged):
            return before
        return next((each for each in reversed(self._truths) if each.at < before.at - TTL), self._truths[0])

    def _truth(self) -> Truth:
        self._rows.execute("begin")
        bumps = dict(self._rows.execute("select name, bumps from counter").fetchall())
        marks = self._rows.execute("select coalesce(sum(marks), 0) from mark_counter").fetchone()[0]
        self._rows.execute("rollback")
        found = Truth(self.clock.monotonic(), bumps, marks)
        self._truths.append(found)
        return found

    async def _restart(self) -> None:
        await self._settle()
        at = self.random.randrange(2)
        stack, application = self._stacks.pop(at), self._applications.pop(at)
        await stack.aclose()
        self.outcomes.update(_outcomes(application))
        await self._open()
        self.restarts += 1

    async def _settle(self) -> None:
        while self._asks:
            self.gate.let_go(self.gate.held)
            await asyncio.wait(self._asks, timeout=0.01)
            self._collect()

    def _collect(self) -> None:
        done = {task for task in self._asks if task.done()}
        self._asks -= done
        # All are looked at before one is raised: a lost one would be reported by the garbage collector, anywhere.
        for error in [task.exception() for task in done if not task.cancelled()]:
            if error is not None:
                raise error


def _outcomes(application: Application) -> Tally[str]:
    found: Tally[str] = Tally()
    for (_, outcome), count in application.cache.asked.items():
        found[outcome] += count
    return found
