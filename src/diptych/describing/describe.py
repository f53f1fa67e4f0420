"""`describe`: read the wiring of an application, which need not be open, into a description."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, get_args

from diptych.describing.description import (
    CommandPart,
    Description,
    EventPart,
    QueryPart,
    ReadModelPart,
    SubscriberPart,
)
from diptych.describing.hints import example_of, field_parts, type_text
from diptych.describing.narrowing import methods_reached, names_for, names_reached
from diptych.describing.refusals import refusals_of
from diptych.model.aggregates import Aggregate, fold_of
from diptych.model.decisions import events_yielded
from diptych.model.fields import members_of, place_of
from diptych.model.folds import parameters_of
from diptych.model.messages import event_type, result_type
from diptych.model.projections import Projection, ReadModel
from diptych.model.rows import row_type_of
from diptych.model.subscribers import Subscriber
from diptych.module import Module

Names = tuple[str, ...]


class Wired(Protocol):
    """What is described: an application, open or not, or anything that holds such parts."""

    @property
    def modules(self) -> Sequence[Module]:
        """Return the modules in the order given."""
        ...

    @property
    def projections(self) -> Mapping[str, Projection]:
        """Return the projections by name."""
        ...

    @property
    def subscribers(self) -> Mapping[str, Subscriber]:
        """Return the subscribers by name."""
        ...


def describe(app: Wired) -> Description:
    """Describe an application from its wiring alone: commands, events, read models, queries and how they are joined.

    What a command may refuse is what the source of its handler names. Events that handlers record otherwise than by
    yielding are those that the type arguments of their parameters name.
    """
    wiring = _Wiring(app)
    return Description(
        tuple(wiring.commands()),
        tuple(wiring.events()),
        tuple(wiring.read_models()),
        tuple(wiring.queries()),
        tuple(wiring.subscribers()),
    )


class _Wiring:
    """Hold the parts of an application, and answer who is joined to whom."""

    def __init__(self, app: Wired) -> None:
        self._modules = tuple(app.modules)
        self._subscribers = tuple(app.subscribers.values())
        models = [model for projection in app.projections.values() for model in projection.models]
        self._views = {view.model.name: view for module in self._modules for view in module.views}
        self._models: tuple[ReadModel[Any], ...] = (*models, *(view.model for view in self._views.values()))

    def commands(self) -> Iterator[CommandPart]:
        for module, command, function in self._handled():
            yield CommandPart(
                command.__name__,
                module.name,
                summary_of(command),
                place_of(function),
                field_parts(command),
                type_text(result_type(command)),
                _names(self._recorded(module, command)),
                tuple(refusal.__name__ for refusal in self._refusals(module, command, function)),
                _guards(module, command),
                example_of(command),
            )

    def events(self) -> Iterator[EventPart]:
        for cls in dict.fromkeys(self._event_classes()):
            upcasters = [each for module in self._modules for each in module.upcasters if cls in each.targets]
            yield EventPart(
                cls.__name__,
                str(event_type(cls)),
                summary_of(cls),
                place_of(cls),
                field_parts(cls),
                tuple(
                    command.__name__ for module, command, _ in self._handled() if cls in self._recorded(module, command)
                ),
                tuple(dict.fromkeys(command.__name__ for command, known in self._decided() if cls in known)),
                tuple(model.name for model in self._models if cls in model.folds),
                tuple(each.name for each in self._subscribers if _handles(each, cls)),
                tuple(str(each.source) for each in upcasters),
                example_of(cls),
            )

    def read_models(self) -> Iterator[ReadModelPart]:
        for model in self._models:
            view = self._views.get(model.name)
            sources = tuple(rollup.source.name for rollup in model.rollups)
            folds = [fold for folds in model.folds.values() for fold in folds]
            referred = dict.fromkeys(each.model.name for fold in folds for each in fold.references)
            yield ReadModelPart(
                model.name,
                model.projection if view is None else str(view.refresh),
                "read model" if view is None else "view",
                tuple(model.key),
                field_parts(model.row),
                _names(model.folds),
                tuple(dict.fromkeys(sources if view is None else self._read(view.function))),
                tuple(referred),
                tuple(self._readers(model.name)),
            )

    def queries(self) -> Iterator[QueryPart]:
        for module in self._modules:
            for query, function in module.queries.items():
                yield QueryPart(
                    query.__name__,
                    module.name,
                    summary_of(query),
                    place_of(function),
                    field_parts(query),
                    type_text(result_type(query)),
                    self._read(function),
                    _guards(module, query),
                    example_of(query),
                )

    def subscribers(self) -> Iterator[SubscriberPart]:
        for each in self._subscribers:
            handled = [cls for cls in dict.fromkeys(self._event_classes()) if _handles(each, cls)]
            reads = dict.fromkeys(name for reaction in each.reactions for name in self._read(reaction.function))
            yield SubscriberPart(each.name, _names(handled), tuple(reads))

    def _handled(self) -> Iterator[tuple[Module, type, Callable[..., Any]]]:
        for module in self._modules:
            for command in (*module.decisions, *module.commands):
                function = module.handler_of(command)
                if function is not None:
                    yield module, command, function

    def _recorded(self, module: Module, command: type) -> tuple[type, ...]:
        decision = module.decisions.get(command)
        if decision is not None:
            return _yielded_for(command, decision.function)
        return tuple(dict.fromkeys(_named_by(module.commands[command])))

    def _decided(self) -> Iterator[tuple[type, tuple[type, ...]]]:
        for module in self._modules:
            for command, decision in module.decisions.items():
                for _, selection in decision.selections:
                    yield command, selection.model.fold.events
            for command, function in module.commands.items():
                yield command, tuple(_loaded_by(function))

    def _refusals(self, module: Module, command: type, function: Callable[..., Any]) -> tuple[type, ...]:
        decision = module.decisions.get(command)
        compiled = None if decision is None else _aggregate_method(decision.function, command)
        owners = [each for each in _arguments(function) if isinstance(each, type) and issubclass(each, Aggregate)]
        pairs = [compiled] if compiled is not None else [(owner, function) for owner in owners]
        parts = [method for owner, named in pairs for method in methods_reached(named, owner)]
        return tuple(dict.fromkeys(each for part in (function, *parts) for each in refusals_of(part)))

    def _event_classes(self) -> Iterator[type]:
        for module, command, _ in self._handled():
            yield from self._recorded(module, command)
        for _, known in self._decided():
            yield from known
        for model in self._models:
            yield from model.folds
        for subscriber in self._subscribers:
            yield from subscriber.events

    def _read(self, function: Callable[..., Any]) -> Names:
        found = []
        for parameter in parameters_of(
            getattr(function, "handle", function) if isinstance(function, type) else function
        ):
            row = row_type_of(parameter.type)
            fit = [model.name for model in self._models if row is not None and model.row is row]
            found += [name for name in fit if name == parameter.name] or fit
        return tuple(dict.fromkeys(found))

    def _readers(self, name: str) -> Iterator[str]:
        for query in self.queries():
            if name in query.reads:
                yield query.name
        for view in self._views.values():
            if name in self._read(view.function):
                yield view.model.name
        for model in self._models:
            folds = [fold for folds in model.folds.values() for fold in folds]
            rolled = any(rollup.source.name == name for rollup in model.rollups)
            referred = any(each.model.name == name for fold in folds for each in fold.references)
            if rolled or (referred and model.name != name):
                yield model.name
        for subscriber in self._subscribers:
            if any(name in self._read(reaction.function) for reaction in subscriber.reactions):
                yield subscriber.name


def summary_of(cls: type) -> str:
    """Return the first sentence of what its author wrote of a class, or nothing."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
    return "" if text.startswith(f"{cls.__name__}(") else text


def _names(classes: Any) -> Names:
    return tuple(cls.__name__ for cls in classes)


def _handles(subscriber: Subscriber, cls: type) -> bool:
    return cls in subscriber.events or event_type(cls).name in subscriber.names


def _guards(module: Module, message: type) -> Names:
    return tuple(gate.function.__qualname__ for gate in module.gates if gate.asks_about(message, module.messages))


def _named_by(function: Callable[..., Any]) -> Iterator[type]:
    """Yield the events that the type arguments of a handler's parameters name, such as those of `UnitOfWork[A | B]`."""
    for argument in _arguments(function):
        if isinstance(argument, type) and issubclass(argument, Aggregate):
            yield from _recorded_by(function, argument)
        for member in members_of(argument):
            if isinstance(member, type) and "__event_type__" in vars(member):
                yield member


def _loaded_by(function: Callable[..., Any]) -> Iterator[type]:
    for argument in _arguments(function):
        if isinstance(argument, type) and issubclass(argument, Aggregate):
            yield from fold_of(argument).events


def _arguments(function: Callable[..., Any]) -> Iterator[Any]:
    called = getattr(function, "handle", function) if isinstance(function, type) else function
    for parameter in parameters_of(called):
        yield from get_args(parameter.type)


def _yielded_for(command: type, decide: Callable[..., Any]) -> tuple[type, ...]:
    """Return the events that a decision yields for one of its commands, as far as its source tells them apart."""
    declared = events_yielded(decide)
    compiled = _aggregate_method(decide, command)
    if compiled is not None:
        return _recorded_by(compiled[1], compiled[0])
    commands = [cls.__name__ for cls in members_of(parameters_of(decide)[0].type)]
    found = names_for(decide, command.__name__, commands) if len(commands) > 1 else None
    narrowed = tuple(cls for cls in declared if found is not None and cls.__name__ in found)
    return narrowed or declared


def _aggregate_method(decide: Callable[..., Any], command: type) -> tuple[type[Aggregate[Any]], Any] | None:
    """Return the aggregate that a decision was compiled from, with its method for the command."""
    held = inspect.getclosurevars(decide).nonlocals
    owner, methods = held.get("cls"), held.get("methods")
    if isinstance(owner, type) and issubclass(owner, Aggregate) and isinstance(methods, dict):
        return owner, methods.get(command)
    return None


def _recorded_by(function: Callable[..., Any], owner: type[Aggregate[Any]]) -> tuple[type, ...]:
    """Return the events of an aggregate that a function leads to, as far as source shows; all where it shows none."""
    names, events = names_reached(function, owner), fold_of(owner).events
    return tuple(cls for cls in events if cls.__name__ in names) or events
