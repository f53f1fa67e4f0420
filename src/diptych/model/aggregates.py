"""Aggregates: one entity in the form of a class, whose methods record events and whose `@evolves` methods fold them.

The class is a thin recorder around an immutable state. It compiles to a Decider: there is no second engine.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from diptych.errors import WiringError
from diptych.model.decisions import Decider, DecisionModel
from diptych.model.fields import place_of
from diptych.model.folds import Fold
from diptych.model.memo import memo
from diptych.model.methods import described, extras_of, folding, handling, places_of, union_of
from diptych.model.snapshots import Snapshots

S = TypeVar("S")
A = TypeVar("A", bound="Aggregate[Any]")
F = TypeVar("F", bound=Callable[..., Any])


class Aggregate(Generic[S]):
    """Be one entity: `self.state` is what its events made of it, `self.record(event)` says what happens next.

    S is the immutable type of the state, made by calling it without arguments, or by `initial=`. `tag` is that of the
    entity, and `snapshots=` saves its states, both as in a Decider::

        class Order(Aggregate[OrderState], tag="order"):
            @handles
            def place(self, command: PlaceOrder) -> None:
                if self.state.placed:
                    raise AlreadyPlaced
                self.record(OrderPlaced(command.order))

            @evolves
            def _placed(self, event: OrderPlaced) -> OrderState:
                return change(self.state, placed=True)

    """

    __declared__: ClassVar[Declared]

    def __init_subclass__(
        cls,
        *,
        tag: str | None = None,
        initial: Callable[[], Any] | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        super().__init_subclass__()
        inherited: Declared = getattr(cls, "__declared__", _NOTHING_SAID)
        cls.__declared__ = inherited.with_said(tag, initial, snapshots)

    def __init__(self, state: S | None = None) -> None:
        self._state: S = fold_of(type(self)).initial() if state is None else state
        self._recorded: list[Any] = []
        self._told: Callable[[Any], None] | None = None

    @property
    def state(self) -> S:
        """Return the state, with everything recorded so far folded in."""
        return self._state

    @property
    def recorded(self) -> tuple[Any, ...]:
        """Return the events recorded and not yet saved, in order."""
        return tuple(self._recorded)

    def record(self, *events: Any) -> None:
        """Say that these events happen: each is folded into the state at once, and saved with the command.

        Raises WiringError for an event that no method folds, or one that makes no state of; where the aggregate was
        loaded by or added to a repository, also for an event of another entity, and once the handler has returned.
        """
        evolve = fold_of(type(self)).evolve
        for event in events:
            state = evolve(self._state, event)
            if state is None:
                raise _stateless(type(self), type(event))
            if self._told is not None:
                self._told(event)
            self._state = state
            self._recorded.append(event)

    def record_into(self, told: Callable[[Any], None]) -> None:
        """Tell somebody of every event that was recorded and that will be; raise WiringError if somebody is already."""
        if self._told is not None:
            raise WiringError(
                f"this {type(self).__qualname__} belongs to a handler that loaded or added it before",
                where=place_of(type(self)),
                fix="load it anew in every handler, and keep none when it returns",
            )
        for event in self._recorded:
            told(event)
        self._told = told

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({self._state!r}, recorded={len(self._recorded)})"


@dataclass(frozen=True, slots=True)
class Declared:
    """Hold what the class statement of an aggregate said."""

    tag: str | None
    initial: Callable[[], Any] | None
    snapshots: Snapshots | None

    def with_said(self, tag: str | None, initial: Callable[[], Any] | None, snapshots: Snapshots | None) -> Declared:
        """Return what holds for a subclass: what it says itself, and what it inherits."""
        return Declared(tag or self.tag, initial or self.initial, snapshots or self.snapshots)


_NOTHING_SAID = Declared(None, None, None)


@memo
def fold_of(cls: type[Aggregate[S]]) -> Fold[S]:
    """Compile the `@evolves` methods of an aggregate into its fold: one object for each class.

    Raises WiringError for an event that two methods fold, one of no type, or an aggregate without any, and for one that
    holds more than its state.
    """
    _refuse_own_init(cls)
    table = dict(folding(cls))
    if not table:
        raise WiringError(
            f"{cls.__qualname__} folds no event",
            where=place_of(cls),
            fix="write @evolves above a method (self, event: YourEvent) -> State",
        )
    new = cls.__new__

    def evolve(state: S, event: Any) -> S:
        method = table.get(type(event))
        if method is None:
            raise _unfolded(cls, type(event))
        shell = new(cls)
        shell._state = state  # noqa: SLF001 (what __init__ does, once per event)
        return method(shell, event)  # type: ignore[no-any-return]  # of the type that the aggregate names

    state_type = state_of(cls)
    described(evolve, cls, {"state": state_type, "event": union_of(table)}, state_type, next(iter(table.values())))
    declared = cls.__declared__
    parts, initial = tuple(dict.fromkeys(table.values())), declared.initial or state_type
    return Fold(evolve, initial, parts, declared.snapshots)


@memo
def decider_of(cls: type[Aggregate[S]]) -> Decider[S]:
    """Compile an aggregate into the decider that it is; raise WiringError where it handles no command."""
    fold, methods = fold_of(cls), dict(handling(cls))
    if not methods:
        raise WiringError(
            f"{cls.__qualname__} handles no command",
            where=place_of(cls),
            fix="write @handles above a method (self, command: YourCommand), or use Repository[...] in a handler",
        )
    extras = extras_of(methods.values())
    places = {command: places_of(method, extras) for command, method in methods.items()}

    def decide(command: Any, state: S, *provided: Any) -> Generator[Any, None, Any]:
        aggregate = cls(state)
        value = methods[type(command)](aggregate, command, *[provided[at] for at in places[type(command)]])
        yield from aggregate.recorded
        return value

    said = types.GenericAlias(Generator, (union_of(fold.events), NoneType, Any))
    given = {"command": union_of(methods), "state": state_of(cls)}
    given |= {name: parameter.type for name, parameter in extras.items()}
    described(decide, cls, given, said, next(iter(methods.values())))
    return Decider.over(decide, fold, tag=tag_of_aggregate(cls))


def tag_of_aggregate(cls: type[Aggregate[Any]]) -> str:
    """Return the tag by which an aggregate is found; raise WiringError where the class names none."""
    tag = cls.__declared__.tag
    if tag is None:
        raise WiringError(
            f"{cls.__qualname__} does not say by which tag it is found",
            where=place_of(cls),
            fix=f'write class {cls.__name__}(Aggregate[...], tag="{cls.__name__.lower()}")',
        )
    return tag


@memo
def model_of(cls: type[Aggregate[S]]) -> DecisionModel[S]:
    """Return the decision model of an aggregate: its fold, found by its tag."""
    return DecisionModel.over(fold_of(cls), tag=tag_of_aggregate(cls))


def state_of(cls: type[Aggregate[S]]) -> type[S]:
    """Return S of `Aggregate[S]`, also through generic classes between; raise WiringError where nobody names it."""
    found = _argument_of(cls)
    if isinstance(found, type):
        return found
    raise WiringError(
        f"{cls.__qualname__} does not name the type of its state",
        where=place_of(cls),
        fix=f"write class {cls.__name__}(Aggregate[YourState], tag=...): one class, whose fields may be None",
    )


def _argument_of(cls: type) -> Any:
    """Return what stands for S of a class: a type, a TypeVar of the class itself, or None."""
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin, given = get_origin(base) or base, get_args(base)
        if origin is Aggregate:
            return given[0] if given else None
        if isinstance(origin, type) and issubclass(origin, Aggregate):
            found = _argument_of(origin)
            if not isinstance(found, TypeVar):
                return found
            return given[origin.__parameters__.index(found)] if given else None  # type: ignore[attr-defined]  # generic
    return None


def _refuse_own_init(cls: type[Aggregate[Any]]) -> None:
    if cls.__init__ is not Aggregate.__init__:
        raise WiringError(
            f"{cls.__qualname__} has an __init__ of its own, and an aggregate is made anew from its state alone",
            where=place_of(cls.__init__),
            fix="keep what it needs in the state, or as class attributes and properties",
        )


def _stateless(cls: type, event: type) -> WiringError:
    return WiringError(
        f"the @evolves method of {cls.__qualname__} for {event.__qualname__} returned nothing",
        where=place_of(cls),
        fix="return the next state: return change(self.state, ...)",
    )


def _unfolded(cls: type, event: type) -> WiringError:
    return WiringError(
        f"no @evolves method of {cls.__qualname__} folds {event.__qualname__}",
        where=place_of(cls),
        fix=f"write @evolves above a method (self, event: {event.__qualname__}); `return self.state` changes nothing",
    )
