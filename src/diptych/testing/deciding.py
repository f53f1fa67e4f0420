"""Decide on a command as the left panel does, on given events and without a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, cast, get_args

from diptych.codec import event_encoder
from diptych.dispatch import compile_handler, guarded, sources_of, unhandled
from diptych.errors import InvalidMessageError, Refusal, WiringError
from diptych.injection import Injector
from diptych.model.fields import place_of
from diptych.model.gates import guards_of
from diptych.model.meta import Context
from diptych.model.results import Accepted, Conflict, Failure, Invalid
from diptych.module import Module
from diptych.testing.outcomes import Outcome
from diptych.testing.past import Past
from diptych.write.deciding import Decided, Deciding, failure_of
from diptych.write.entities import Entity, Known
from diptych.write.repository import repositories
from diptych.write.requests import Request, canonical, filler
from diptych.write.units import takes_unit
from diptych.write.work import Work


async def decide_on(
    modules: Iterable[Module], past: Sequence[Past], command: Any, context: Context, injector: Injector
) -> Outcome:
    """Check, fill and decide on a command; raise UnknownMessageError when no module handles it.

    Its guards are asked first. What the injector provides is opened for this command and closed after it. Only events
    that the criteria of the decision select reach its folds. What it records must be storable.
    """
    try:
        _, command = canonical(command)
    except InvalidMessageError as invalid:
        return Outcome(command, Invalid(invalid.errors))
    fill = filler(type(command))
    filled = command if fill is None else fill(command, context.command_id)
    modules = tuple(modules)
    async with AsyncExitStack() as stack:
        await injector.open(stack)
        decided = await _guarded(modules, filled, context, injector)
        decided = decided or await _decided(modules, past, filled, context, injector)
    if decided.refusal is not None:
        return Outcome(command, failure_of(decided.refusal, _head(past)), refusal=decided.refusal)
    if isinstance(decided.value, get_args(Failure)):
        return Outcome(command, cast("Failure", decided.value))
    for event in decided.events:
        event_encoder(type(event))(event)
    position = _head(past) + len(decided.events)
    return Outcome(command, Accepted(decided.value, position, context.command_id), tuple(decided.events))


async def _guarded(modules: Sequence[Module], command: Any, context: Context, injector: Injector) -> Decided | None:
    """Ask the guards of a command; return the refusal of the first that refuses."""
    for function in guards_of(type(command), [(each.gates, each.messages) for each in modules]):
        try:
            await guarded(_pass, [compile_handler(function, sources_of(function, injector))])(command, context)
        except Refusal as refusal:
            return Decided((), refusal=refusal)
    return None


async def _pass(_command: Any, _context: Any) -> None:
    """Let a guard be asked without a handler."""


async def _decided(
    modules: Iterable[Module], past: Sequence[Past], command: Any, context: Context, injector: Injector
) -> Decided:
    for module in modules:
        if type(command) in module.decisions:
            deciding = Deciding(module.decisions[type(command)], injector)
            return deciding.decide(command, list(_loaded(deciding, past, command)), context)
        if type(command) in module.commands:
            return await _handled(module.commands[type(command)], past, command, context, injector)
    raise unhandled(command, "command", [cls.__name__ for module in modules for cls in module.messages])


def _loaded(deciding: Deciding, past: Sequence[Past], command: Any) -> Iterator[dict[Any, Entity]]:
    for selection in deciding.selections:
        entities = selection.entities(command)
        for entity in entities.values():
            _load(entity, past)
        yield entities


def _head(past: Sequence[Past]) -> int:
    return past[-1].meta.position if past else 0


def _load(entity: Entity, past: Sequence[Past]) -> None:
    kinds = entity.fold.kinds
    mine = [each for each in past if type(each.event) in kinds and entity.clause.matches(each.name, each.tags)]
    state = entity.fold.run(entity.fold.initial(), [(each.event, each.meta) for each in mine])
    entity.known = Known(state, mine[-1].meta.position if mine else 0, _head(past))


async def _handled(
    function: Callable[..., Any], past: Sequence[Past], command: Any, context: Context, injector: Injector
) -> Decided:
    """Run a handler that reads and records for itself; what it adds must be new."""

    async def refresh(entities: Sequence[Entity]) -> bool:
        for entity in entities:
            _load(entity, past)
        return bool(entities)

    _refuse_unit(function)
    handler = compile_handler(function, sources_of(function, injector.resolving(repositories)))
    work = Work(refresh)
    request = Request(context.now, context.command_id, context.principal, work=work)
    try:
        value = await handler(command, request)
    except Refusal as refusal:
        return Decided((), refusal=refusal)
    finally:
        work.end()
    if work.doubled is not None:
        return Decided((), work.doubled)
    added = [entity for entity in work.entities if entity.known is None]
    if any(entity.clause.matches(each.name, each.tags) for entity in added for each in past):
        return Decided((), Conflict("what the handler adds is there already"))
    return Decided(work.events, value)


def _refuse_unit(function: Callable[..., Any]) -> None:
    if takes_unit(function):
        raise WiringError(
            f"{function.__qualname__} writes tables in a unit of work, and a scenario has no database",
            where=place_of(function),
            fix="send its command to an application whose log is a file: events=f'sqlite:///{tmp_path}/log.db'",
        )
