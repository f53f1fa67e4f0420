"""Random projections: read models with references, fan-outs and rollups, whose folds depend on order in every step.

Some events are of older versions: renamed, split into none to three that may find rows by other tags than they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from hypothesis import strategies as st

from diptych.codec import EventCodec
from diptych.model.marks import Tag
from diptych.model.messages import event
from diptych.model.meta import Meta
from diptych.model.projections import Projection, ReadModel
from diptych.model.rowfolds import RowChange
from diptych.model.upcasting import upcaster_of_json, upcasters_of

PRIME = 1_000_003

Name = Annotated[str, Tag("name")]


@event("thing.pushed")
@dataclass(frozen=True, slots=True)
class Pushed:
    a: Name
    b: Name | None
    n: int


@event("thing.pulled", version=2)
@dataclass(frozen=True, slots=True)
class Pulled:
    a: Name
    b: Name | None
    n: int


@event("thing.spread")
@dataclass(frozen=True, slots=True)
class Spread:
    a: Name
    b: Name | None
    n: int


EVENTS = (Pushed, Pulled, Spread)


@event("thing.pulled", version=1)
@dataclass(frozen=True, slots=True)
class PulledV1:
    a: Name
    b: Name | None
    count: int


@event("thing.shoved")
@dataclass(frozen=True, slots=True)
class Shoved:
    a: Name
    b: Name | None
    n: int


@event("thing.burst")
@dataclass(frozen=True, slots=True)
class Burst:
    a: Name
    b: Name | None
    n: int


def to_pulled(old: PulledV1) -> Pulled | None:
    return Pulled(old.a, old.b, old.count) if old.count % 5 else None


def to_others(old: Shoved) -> Iterator[Pushed | PulledV1]:
    yield PulledV1(old.b or old.a, old.a, old.n)
    yield Pushed(old.a, None, old.n)


def to_many(old: Mapping[str, Any]) -> tuple[Pushed | Pulled | Spread, ...]:
    kinds, keys = (Pushed, Spread, Pulled, Spread), "abcd"
    numbers = range(old["n"] % 4)
    return tuple(kinds[(old["n"] + at) % 4](keys[at], old["a"], old["n"] + at) for at in numbers)


OUTDATED = (PulledV1, Shoved, Burst)
UPCASTERS = (*upcasters_of(to_pulled), *upcasters_of(to_others), upcaster_of_json(to_many, "thing.burst", 1))


@dataclass(frozen=True, slots=True)
class Cell:
    key: str
    group: str | None
    value: int


@dataclass(frozen=True)
class FoldPlan:
    """One fold: which event, how it finds its rows, whom it refers to, and a number that makes it differ."""

    event: type
    kind: str
    field: str
    refers: int | None
    salt: int


@dataclass(frozen=True)
class RollupPlan:
    """One rollup: of which read model, by which key, and a number that makes it differ."""

    source: int
    key: str
    salt: int


@dataclass(frozen=True)
class ModelPlan:
    """One read model."""

    folds: tuple[FoldPlan, ...]
    rollups: tuple[RollupPlan, ...]
    history: bool


names = st.sampled_from("abcd")
events = st.one_of(*(st.builds(cls, names, st.none() | names, st.integers(0, 99)) for cls in (*EVENTS, *OUTDATED)))
folds = st.builds(
    FoldPlan,
    st.sampled_from(EVENTS),
    st.sampled_from(["key", "keys", "where", "where"]),
    st.sampled_from("ab"),
    st.none() | st.integers(0, 3),
    st.integers(1, 50),
)
rollups = st.builds(RollupPlan, st.integers(0, 2), st.sampled_from(["key", "group", "computed"]), st.integers(1, 50))
models = st.builds(
    ModelPlan,
    st.lists(folds, min_size=1, max_size=4).map(tuple),
    st.lists(rollups, max_size=2).map(tuple),
    st.booleans(),
)
plans = st.lists(models, min_size=1, max_size=4)


def codec() -> EventCodec:
    return EventCodec(EVENTS, UPCASTERS)


def projection_of(plan: list[ModelPlan]) -> Projection:
    projection = Projection("random")
    made = [
        projection.read_model(Cell, key="key", name=f"cells_{at}", history=each.history) for at, each in enumerate(plan)
    ]
    for model, each in zip(made, plan, strict=True):
        for fold in each.folds:
            _register(model, fold, made)
        for rollup in each.rollups:
            if rollup.source < model.order:
                _roll_up(model, made[rollup.source], rollup)
    return projection


def _register(model: ReadModel[Cell], plan: FoldPlan, models: list[ReadModel[Cell]]) -> None:
    other = models[plan.refers % len(models)] if plan.refers is not None else None
    references = {"other": other["b"]} if other is not None else {}
    function = _fold(plan, refers=other is not None)
    if plan.kind == "where":
        model.where(group=plan.field).on(**references)(function)
    elif plan.kind == "keys":
        model.on(keys=lambda event: sorted({event.a, event.b or "z"}), **references)(function)
    else:
        model.on(key=plan.field, **references)(function)


def _fold(plan: FoldPlan, *, refers: bool) -> Callable[..., Cell | None]:
    def folded(row: Cell | None, event: Any, meta: Meta, key: str, other: Cell | None = None) -> Cell | None:
        return _next(row, key, event.b, event.n + meta.position + (other.value * 17 if other else 5), plan.salt)

    hints = {"row": Cell | None, "event": plan.event, "meta": Meta, "key": str, "return": Cell | None}
    if refers:
        folded.__annotations__ = {**hints, "other": Cell | None}
        return folded

    def alone(row: Cell | None, event: Any, meta: Meta, key: str) -> Cell | None:
        return folded(row, event, meta, key)

    alone.__annotations__ = hints
    return alone


def _next(row: Cell | None, key: str, group: str | None, n: int, salt: int) -> Cell | None:
    value = ((row.value if row else 7) * 31 + n * salt) % PRIME
    if value % 5 == 0:
        return None
    if value % 7 == 0:
        return row
    return Cell(key, group if value % 2 else (row.group if row else None), value)


def _roll_up(model: ReadModel[Cell], source: ReadModel[Cell], plan: RollupPlan) -> None:
    key: Any = (lambda row: "even" if row.value % 2 == 0 else None) if plan.key == "computed" else plan.key

    @model.rollup(source, key=key)
    def rolled(row: Cell | None, change: RowChange[Cell], key: str) -> Cell | None:
        told = change.after or change.before
        assert told is not None
        before, after = (0 if each is None else each.value + 1 for each in (change.before, change.after))
        return _next(row, key, told.group, before * 3 + after * 11 + change.position, plan.salt)
