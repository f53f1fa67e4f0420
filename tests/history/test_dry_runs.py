"""Random commands are tried, then really sent: the trial foretold all of it, and left no trace."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from diptych.application import Application
from diptych.errors import KeyReusedError
from diptych.history.foreseen import ForeseenRows
from diptych.history.trial import Trial
from diptych.model.criteria import Criteria
from diptych.model.results import Accepted
from diptych.testing.clock import FixedClock
from diptych.testing.ids import SequentialIds
from tests.history.market import Add, Name, Remove, Reorganise, Sell, market, sales, shelves
from tests.sizes import size

COMMANDS = size(100, full=1000)
SEED = 20261121
PRODUCTS = [uuid5(UUID(int=7), str(number)) for number in range(12)]
DEPARTMENTS = ["bread", "fish", "tools"]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + COMMANDS)]

KINDS = frozenset("one several nothing refused not_found conflict invalid reused replayed".split())
RENEWED = ("diptych_worker", "diptych_owner", "diptych_checkpoint")
Rows = Mapping[tuple[str, Any], Any]


class CountedIds(SequentialIds):
    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0

    def new(self) -> UUID:
        self.drawn += 1
        return super().new()


def some_command(chance: random.Random) -> tuple[Any, dict[str, Any]]:
    """A command, whole or wrong, with or without a key (some of them used before) or an expected position."""
    product, department = chance.choice(PRODUCTS), chance.choice(DEPARTMENTS)
    lines = tuple((chance.choice(PRODUCTS), chance.randint(1, 3)) for _ in range(chance.randint(0, 4)))
    price = Decimal(chance.randint(1, 999)) / 10
    command = chance.choice(
        [
            Name(department, chance.choice(["Fresh", "Old", "New"])),
            Add(product=product, department=department, price=price, stock=chance.randint(0, 9)),
            Add(department=chance.choice([department, "nowhere"]), price=price, stock=chance.randint(-2, 3)),
            Sell(lines),
            Reorganise(department, chance.choice(["Fresh", "Old"]), tuple(chance.sample(PRODUCTS, 3))),
            Remove(product),
        ]
    )
    keyed = (isinstance(command, Add) and command.product is None) or chance.random() < 0.3
    return command, {
        "key": f"k{chance.randint(0, 3 * COMMANDS)}" if keyed else None,
        "principal": chance.choice(["ada", None]),
        "expected": chance.randint(0, 40) if chance.random() < 0.1 else None,
    }


async def rows_of(app: Application) -> Rows:
    """Every row of every read model, with its computed columns."""
    async with app.rows.reader() as reader:
        stored = [await reader.snapshot(projection) for projection in app.projections.values()]
    return {(name, key): row for each in stored for name, rows in each.rows.items() for key, row in rows.items()}


def differing(before: Rows, after: Rows) -> dict[tuple[str, Any], tuple[Any, Any]]:
    return {
        at: (before.get(at), after.get(at))
        for at in before.keys() | after.keys()
        if repr(before.get(at)) != repr(after.get(at))
    }


def foretold(trial: Trial[Any]) -> dict[tuple[str, Any], tuple[Any, Any]]:
    return {(each.model, each.key): (each.before, each.after) for each in trial.changes}


async def events_after(app: Application, position: int) -> list[tuple[Any, ...]]:
    found = (await app.store.read(Criteria.all(), after=position)).events
    read = app.codec.read
    return [
        (each.position, each.name, each.version, each.tags, event)
        for each in found
        for event in read(each.name, each.version, each.data)
    ]


class Watched:
    """A database watched from outside: what is in it, and whether anybody committed to it."""

    def __init__(self, path: Path) -> None:
        self._path, self._connection = path, sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def version(self) -> int:
        return int(self._connection.execute("pragma data_version").fetchone()[0])

    def bytes(self) -> str:
        """The hash of the file and of its write-ahead log."""
        found = (Path(f"{self._path}{suffix}") for suffix in ("", "-wal"))
        return "".join(hashlib.sha256(each.read_bytes()).hexdigest() for each in found if each.exists())

    def content(self) -> str:
        """The hash of every table, but for what a runtime renews whether or not anything happens."""
        kept = (line for line in self._connection.iterdump() if not any(name in line for name in RENEWED))
        return hashlib.sha256("\n".join(kept).encode()).hexdigest()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def watch() -> Iterator[Callable[[Path], Watched]]:
    opened: list[Watched] = []

    def call(path: Path) -> Watched:
        opened.append(Watched(path))
        return opened[-1]

    yield call
    for each in opened:
        each.close()


def application(folder: Path, ids: SequentialIds) -> Application:
    url = f"sqlite:///{folder}/market.db"
    return Application(market, shelves(), sales(), events=url, clock=FixedClock(), ids=ids)


def kind_of(trial: Trial[Any] | str) -> str:
    if isinstance(trial, str):
        return "reused"
    result = trial.result
    if isinstance(result, Accepted):
        return "replayed" if result.replayed else ("nothing", "one", "several")[min(len(trial.events), 2)]
    return result.status


async def attempt(work: Awaitable[Any]) -> Any:
    """What became of it, or the error that an idempotency key brought up."""
    try:
        return await work
    except KeyReusedError as reused:
        return str(reused)


async def tried_then_sent(app: Application, command: Any, options: dict[str, Any]) -> Any:
    """Try a command, send it, and compare everything that can be compared; return the trial."""
    trial, before = await attempt(app.try_(command, **options)), await rows_of(app)
    result = await attempt(app.send(command, **options))
    if isinstance(trial, str):
        assert trial == result
        return trial
    await app.caught_up()
    changed = differing(before, await rows_of(app))

    unkeyed = isinstance(result, Accepted) and options["key"] is None
    assert repr(trial.result) == repr(result) or (unkeyed and _but_the_id(trial.result) == _but_the_id(result))
    told = [(each.position, each.name, each.version, each.tags, each.event) for each in trial.events]
    assert told == await events_after(app, trial.head)
    assert {at: repr(rows) for at, rows in foretold(trial).items()} == {at: repr(rows) for at, rows in changed.items()}
    assert trial.stops == ()
    return trial


def _but_the_id(result: Any) -> tuple[Any, ...]:
    return result.status, result.value, result.position


async def test_random_commands_do_what_their_trial_foretold_and_a_trial_leaves_no_trace(
    tmp_path: Path, watch: Callable[[Path], Watched], record_property: Callable[[str, object], None]
) -> None:
    chance, ids = random.Random(SEED), CountedIds()
    seen: dict[str, int] = {}
    given: list[tuple[Any, dict[str, Any]]] = []
    async with application(tmp_path, ids) as app:
        log, reads = watch(tmp_path / "market.db"), watch(tmp_path / "market-reads.db")
        for _ in range(COMMANDS):
            again = bool(given) and chance.random() < 0.1
            command, options = chance.choice(given) if again else some_command(chance)
            given.append((command, options))
            told = log.version(), log.bytes(), log.content(), reads.content(), ids.drawn

            kept = await attempt(app.try_(command, **options))

            assert (log.version(), log.bytes(), log.content(), reads.content(), ids.drawn) == told
            head = await app.head()
            assert all(known.through <= head for known in app._write.states._states.values())
            assert kept == await tried_then_sent(app, command, options)
            kind = kind_of(kept)
            seen[kind] = seen.get(kind, 0) + 1
        assert [name for name in app.projections if not (await app.check(name)).is_right] == []

    assert seen.keys() >= KINDS, seen
    record_property("commands tried, then sent", f"{COMMANDS}: {seen}")


async def test_the_comparison_catches_a_trial_that_forgets_what_its_own_events_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with application(tmp_path, CountedIds()) as app:
        await app.send(Name("fish", "Fresh"))
        for product in PRODUCTS[:2]:
            await app.send(Add(product=product, department="fish", price=Decimal(1), stock=5))
        await app.caught_up()

        def forget(self: ForeseenRows, model: Any, keys: Any) -> Any:
            return self._reader.get(model, keys)

        monkeypatch.setattr(ForeseenRows, "load", forget)
        with pytest.raises(AssertionError):
            await tried_then_sent(
                app, Sell(((PRODUCTS[0], 1), (PRODUCTS[0], 1))), {"key": None, "principal": None, "expected": None}
            )


async def test_trials_among_real_commands_read_rows_of_one_moment_and_disturb_nobody(tmp_path: Path) -> None:
    product, times = PRODUCTS[0], size(200, full=2000)
    async with application(tmp_path, CountedIds()) as app:
        await app.send(Name("fish", "Fresh"))
        await app.send(Add(product=product, department="fish", price=Decimal(1), stock=times + 1))

        async def sell() -> None:
            for _ in range(times // 4):
                assert (await app.send(Sell(((product, 1),)))).is_success

        async def foretell() -> int:
            seen, selling = 0, asyncio.gather(*(sell() for _ in range(4)))
            while not selling.done():
                trial = await app.try_(Sell(((product, 1),)), wait=20)
                # One product is all that there is: its row and the total tell the same stock, if read together.
                levels = {(each.before.stock, each.after.stock) for each in trial.changes if "stock" in each.fields}
                assert len(levels) == 1, levels
                seen += 1
            await selling
            return seen

        assert await foretell() > 0
        assert await app.head() == times + 2
