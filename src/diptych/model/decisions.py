"""Decisions: pure functions that answer a command with events, on the state of one or of many entities.

A decider decides on one entity. A decision over several entities names decision models: small folds, one per entity
that the command touches, whose criteria come from the command (Dynamic Consistency Boundary, https://dcb.events). Both
compile to the same `Decision`, which one engine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, get_args

from diptych.errors import WiringError
from diptych.model.fields import fields_of, hints_of, members_of, place_of
from diptych.model.folds import Fold, parameters_of
from diptych.model.marks import Tag
from diptych.model.messages import is_command
from diptych.model.snapshots import Snapshots
from diptych.model.tags import tag_named, tag_of

S = TypeVar("S")
Keys = Callable[..., Iterable[Any]]


@dataclass(frozen=True, eq=False)
class DecisionModel(Generic[S]):
    """Fold what a decision must know about one entity, found by its tag.

    Keep it small: a decision conflicts only with events of the types that its fold names. Several tags find the events
    that carry all of them: `tag=("course", "student")` folds what concerns one student in one course, and its keys are
    tuples. `tag=None` folds every event of its types into one state: it needs no key, and all decisions that read it
    go one after another. `snapshots=Snapshots(every=100)` saves states, for entities of many events.
    """

    fold: Fold[S]
    tags: tuple[str, ...]

    def __init__(
        self,
        evolve: Callable[..., S],
        *,
        initial: Callable[[], S],
        tag: str | tuple[str, ...] | None,
        snapshots: Snapshots | None = None,
    ) -> None:
        object.__setattr__(self, "fold", Fold(evolve, initial, snapshots=snapshots))
        object.__setattr__(self, "tags", () if tag is None else (tag,) if isinstance(tag, str) else _several(tag))

    @classmethod
    def over(cls, fold: Fold[S], *, tag: str) -> DecisionModel[S]:
        """Return the decision model of a fold that there is already: states of one fold are shared."""
        made = object.__new__(cls)
        object.__setattr__(made, "fold", fold)
        object.__setattr__(made, "tags", (tag,))
        return made

    def of(self, keys: Callable[..., Iterable[Any]]) -> Selection[S]:
        """Select the entities whose keys the command names; the decision gets a mapping of key to state.

        `keys(command, ...)` may take injected values beside the command, such as settings that say what must be known.
        """
        self._refuse_keys(wanted=True)
        return Selection(self, keys, single=False)

    def one(self, key: Callable[[Any], Any]) -> Selection[S]:
        """Select the one entity whose key the command names; the decision gets its state."""
        self._refuse_keys(wanted=True)
        return Selection(self, lambda command: (key(command),), single=True)

    def whole(self) -> Selection[S]:
        """Select the one state of a model without a tag; the decision gets it."""
        self._refuse_keys(wanted=False)
        return Selection(self, lambda _: ((),), single=True)

    def _refuse_keys(self, *, wanted: bool) -> None:
        if bool(self.tags) != wanted:
            found, fix = ("tag=None", "whole()") if wanted else (f"tag={self.tags}", "one(...) or of(...)")
            raise WiringError(
                f"the decision model of {self.fold.evolve.__qualname__} has {found}",
                where=place_of(self.fold.evolve),
                fix=f"select it by {fix}, or give it the other kind of tag",
            )


@dataclass(frozen=True, eq=False)
class Selection(Generic[S]):
    """Say which entities of a decision model a command reads, and which news of them would make its decision wrong."""

    model: DecisionModel[S]
    keys: Keys
    single: bool
    guarded: tuple[type, ...] | None = None

    def guarding(self, *events: type) -> Selection[S]:
        """Return the selection whose append conflicts with new events of these classes only, of all that are read.

        Without any, what is read is information that may change meanwhile. Such a state is read afresh from the log for
        every decision. Raises WiringError for a class that the fold does not read.
        """
        strays = [cls.__qualname__ for cls in events if cls not in self.model.fold.events]
        if strays:
            raise WiringError(
                f"{self.model.fold.evolve.__qualname__} does not read {', '.join(strays)} and cannot guard against it",
                where=place_of(self.model.fold.evolve),
                fix="guard against events that the fold names",
            )
        return replace(self, guarded=events)


@dataclass(frozen=True, eq=False)
class Decider(Generic[S]):
    """Decide on one entity: `decide(command, state)` yields events, `evolve(state, event)` folds them.

    The entity is the tagged field of the command; name `tag` when the command has several. `decide` may take a Context
    as its third parameter, and returns the value of the result (from a generator: by `return`).
    `snapshots=Snapshots(every=100)` saves states, for entities of many events.
    Source: Jérémie Chassaing, "Functional Event Sourcing Decider", 2021.
    """

    decide: Callable[..., Any]
    fold: Fold[S]
    tag: str | None = None

    def __init__(
        self,
        decide: Callable[..., Any],
        evolve: Callable[..., S],
        *,
        initial: Callable[[], S],
        tag: str | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        object.__setattr__(self, "decide", decide)
        object.__setattr__(self, "fold", Fold(evolve, initial, snapshots=snapshots))
        object.__setattr__(self, "tag", tag)

    @classmethod
    def over(cls, decide: Callable[..., Any], fold: Fold[S], *, tag: str | None = None) -> Decider[S]:
        """Return the decider of a fold that there is already: states of one fold are shared."""
        made = object.__new__(cls)
        for name, value in (("decide", decide), ("fold", fold), ("tag", tag)):
            object.__setattr__(made, name, value)
        return made


@dataclass(frozen=True, eq=False)
class Decision:
    """Hold a decision as the engine runs it: the function, its command, and the selections of its state parameters."""

    function: Callable[..., Any]
    command: type
    selections: tuple[tuple[str, Selection[Any]], ...]


def commands_of(function: Callable[..., Any]) -> tuple[type, ...]:
    """Return the commands that the first parameter of a handler names; raise WiringError where it names none."""
    parameters = parameters_of(function)
    classes = members_of(parameters[0].type) if parameters else ()
    if not classes or not all(is_command(cls) for cls in classes):
        raise WiringError(
            f"the first parameter of {function.__qualname__} is not a command",
            where=place_of(function),
            fix="write (command: YourCommand, ...), where YourCommand subclasses Command[its result type]",
        )
    return classes


def decisions_of_decider(decider: Decider[Any]) -> tuple[Decision, ...]:
    """Compile a decider into one decision per command of its union."""
    parameters = parameters_of(decider.decide)
    if len(parameters) < 2:  # noqa: PLR2004 (command and state)
        raise WiringError(
            f"{decider.decide.__qualname__} takes no state",
            where=place_of(decider.decide),
            fix="write decide(command: C, state: S), or register a handler that needs no state by @module.command",
        )
    found = []
    for command in commands_of(decider.decide):
        field, tag = entity_of(decider, command)
        tag_named(tag, decider.fold.events)
        selection = DecisionModel.over(decider.fold, tag=tag).one(_field(field))
        found.append(Decision(decider.decide, command, ((parameters[1].name, selection),)))
    return tuple(found)


def decisions_of_function(function: Callable[..., Any], selections: dict[str, Selection[Any]]) -> tuple[Decision, ...]:
    """Compile a function over decision models into one decision per command; raise WiringError for a stray name."""
    names = {parameter.name for parameter in parameters_of(function)}
    for name, given in selections.items():
        if name not in names:
            raise WiringError(
                f"{function.__qualname__} has no parameter {name!r} to take that decision model",
                where=place_of(function),
                fix=f"add the parameter {name}, or rename the argument of @decides",
            )
        if not isinstance(given, Selection):
            raise WiringError(
                f"@decides of {function.__qualname__} is given {name}, a {type(given).__name__} that does "
                "not say which entity a command names",
                where=place_of(function),
                fix=f"write {name}=model.one(lambda command: command.field), .of(...) for several, or .whole()",
            )
    for selection in selections.values():
        for tag in selection.model.tags:
            tag_named(tag, selection.model.fold.events)
    return tuple(Decision(function, command, tuple(selections.items())) for command in commands_of(function))


def events_yielded(function: Callable[..., Any]) -> tuple[type, ...]:
    """Return the event classes that the return type of a decision names: `Iterator[A | B]`, `Generator[A, None, R]`."""
    arguments = get_args(hints_of(function).get("return"))
    named = members_of(arguments[0]) if arguments else ()
    return tuple(cls for cls in named if isinstance(cls, type) and "__event_type__" in vars(cls))


def entity_of(decider: Decider[Any], command: type) -> tuple[str, str]:
    """Return the field and the tag by which a command names its entity; raise WiringError unless it is one."""
    shared = [_tag_keys(cls) for cls in decider.fold.events]
    tagged = [(field.name, mark.key) for field in fields_of(command) if (mark := field.mark(Tag)) is not None]
    fit = [pair for pair in tagged if pair[1] == decider.tag] if decider.tag else tagged
    fit = [pair for pair in fit if all(pair[1] in keys for keys in shared)] if len(fit) > 1 else fit
    if len(fit) == 1:
        return fit[0]
    if not fit:
        raise _unnamed(decider, command, tagged)
    raise WiringError(
        f"{command.__qualname__} names {len(fit)} entities, by {', '.join(name for name, _ in fit)}; "
        "a decider decides on one",
        where=place_of(decider.decide),
        fix="name the tag of the one: Decider(..., tag='order')",
    )


def _unnamed(decider: Decider[Any], command: type, tagged: Iterable[tuple[str, str]]) -> WiringError:
    wanted = decider.tag or next(iter(sorted(_tag_keys(decider.fold.events[0]))), "order")
    carried = ", ".join(f"{name} carries {tag!r}" for name, tag in tagged) or "none carries any"
    return WiringError(
        f"no field of {command.__qualname__} names the entity to decide on, by the tag {wanted!r}; {carried}",
        where=place_of(decider.decide),
        fix=f"give the field that names it a type with Tag({wanted!r}), or correct the tag of the decider",
    )


def _several(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return a tuple of tags, whose keys are tuples; refuse one of which nobody knows what its keys are."""
    if len(tags) < 2:  # noqa: PLR2004 (one is written without a tuple)
        raise WiringError(
            f"a decision model has tag={tags!r}, and the keys of several tags are tuples",
            fix='write tag="order" for one tag, and tag=None for a model of all events of its types',
        )
    return tags


def _tag_keys(cls: type) -> set[str]:
    return {mark.key for field in fields_of(cls) if (mark := tag_of(field)) is not None}


def _field(name: str) -> Callable[[Any], Any]:
    return lambda command: getattr(command, name)
