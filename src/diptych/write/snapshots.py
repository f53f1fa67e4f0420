"""Snapshots at work: load the state of an entity from where it was saved, and save it after so many more events.

A saved state is never trusted for itself. It must be of this code and this log, and the event that was its last must
still be that: loading begins with that very event, so that to make sure costs no read. Whatever is amiss, all events
are folded as if nothing had been saved.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from diptych.codec import encode
from diptych.errors import WiringError
from diptych.model.aggregates import fold_of
from diptych.model.criteria import Clause, Criteria
from diptych.model.fields import place_of
from diptych.model.folds import Fold
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.module import Module
from diptych.ports import EventStore, SavedState, Slice, SnapshotStore, StoredEvent
from diptych.write.entities import Entity, Known
from diptych.write.repository import aggregates_of
from diptych.write.saved import Saved, packed, unpacked
from diptych.write.stateforms import StateForm

_log = logging.getLogger("diptych")

_WAITING = 256
"""How many states may wait to be saved; what comes beyond is left out until its entity has so many events more."""
_AT_ONCE = 32
_PATIENCE = 2.0


class Resumed(NamedTuple):
    """A state that was saved, and what the log holds from its last event on."""

    known: Known
    found: Slice


class Waiting(NamedTuple):
    """A state that is to be saved."""

    form: StateForm
    clause: Clause
    known: Known


class Snapshotter:
    """Save states in the background and load them again; enter it once the log is open.

    The constructor raises WiringError for states that cannot be saved. A store that fails is told of once in the log
    of the program and costs no command anything but time. Leaving it saves what waits, for two seconds at most.
    """

    def __init__(
        self, folds: Iterable[Fold[Any]], *, store: SnapshotStore, log: EventStore, lineage: Lineage = UNCHANGED
    ) -> None:
        self._forms = {id(each): StateForm(each, each.snapshots, lineage) for each in folds if each.snapshots}
        _refuse_namesakes(self._forms.values())
        self._store, self._log, self._stack = store, log, AsyncExitStack()
        self._wake: asyncio.Event | None = None
        self._waiting: dict[tuple[int, tuple[str, ...]], Waiting] = {}
        self._told: set[str] = set()
        self._ending = False

    async def resume(self, entity: Entity, *, limit: int) -> Resumed | None:
        """Return the saved state of an entity with the events from its last one on; None where there is none to use."""
        form = self._forms.get(id(entity.fold))
        if form is None or self._wake is None:
            return None
        saved = await self._saved(form, entity.clause)
        if saved is None:
            return None
        found = await self._log.read(Criteria((entity.clause,)), after=saved.position - 1, limit=limit)
        if not (found.events and saved.ends_with(found.events[0])):
            return None
        try:
            state = form.read(saved.state)
        except (msgspec.MsgspecError, ValueError):  # what a newer program wrote under the same fingerprint
            return None
        return Resumed(Known(state, saved.position, saved.position), found)

    def offer(self, entity: Entity, known: Known) -> Known:
        """Have a state saved if it is time; return what is known, with the events counted from here on."""
        form = self._forms.get(id(entity.fold))
        if form is None or known.unsaved < form.every or not known.version:  # an upcaster may have made nothing for it
            return known
        key = entity.cache_key
        if self._wake is not None and (key in self._waiting or len(self._waiting) < _WAITING):
            self._waiting[key] = Waiting(form, entity.clause, known)
            self._wake.set()
        return known._replace(unsaved=0)

    async def __aenter__(self) -> Self:
        if not self._forms:
            return self
        try:
            await self._stack.enter_async_context(self._store)
        except Exception as wrong:  # noqa: BLE001 (a cache that cannot be opened is no reason not to start)
            self._tell("opened", wrong)
            return self
        self._wake, self._ending = asyncio.Event(), False
        self._stack.push_async_callback(self._end, asyncio.create_task(self._run(self._wake)), self._wake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake = None
        try:
            await self._stack.aclose()
        except Exception as wrong:  # noqa: BLE001 (the application ends as it would without them)
            self._tell("closed", wrong)

    async def _saved(self, form: StateForm, clause: Clause) -> Saved | None:
        tags = _text(clause)
        try:
            data = await self._store.get(form.fold.name, tags)
        except Exception as wrong:  # noqa: BLE001 (whatever it is, the log has everything)
            self._tell("read", wrong)
            return None
        saved = None if data is None else unpacked(data)
        mine = (self._log.log_id, form.fold.name, tags, form.version, form.fingerprint)
        fits = saved is not None and (saved.log, saved.fold, saved.tags, saved.version, saved.fingerprint) == mine
        return saved if fits else None

    async def _run(self, wake: asyncio.Event) -> None:
        while not self._ending:
            await wake.wait()
            wake.clear()
            while self._waiting:
                keys = [*islice(self._waiting, _AT_ONCE)]
                await self._save([self._waiting.pop(key) for key in keys])

    async def _save(self, waiting: Sequence[Waiting]) -> None:
        try:
            last = [await self._last(each) for each in waiting]
            states = await asyncio.to_thread(self._packed, waiting, last)  # the states are immutable: no copies
            await self._store.put(states)
        except Exception as wrong:  # noqa: BLE001 (nobody waits for it, and the log has everything)
            self._tell("written", wrong)

    async def _last(self, waiting: Waiting) -> StoredEvent:
        position = waiting.known.version
        found = await self._log.read(Criteria((waiting.clause,)), after=position - 1, until=position, limit=1)
        return found.events[0]

    def _packed(self, waiting: Sequence[Waiting], last: Sequence[StoredEvent]) -> list[SavedState]:
        return [*filter(None, map(self._pack, waiting, last))]

    def _pack(self, waiting: Waiting, last: StoredEvent) -> SavedState | None:
        form, name, tags = waiting.form, waiting.form.fold.name, _text(waiting.clause)
        try:
            state = msgspec.Raw(form.written(waiting.known.state))
        except Exception as wrong:  # noqa: BLE001 (types of the user compare and hash; the others are saved)
            self._tell("written", wrong, of=f" of {name}")
            return None
        of_log = (self._log.log_id, name, tags, form.version, form.fingerprint)
        return SavedState(name, tags, packed(Saved(*of_log, last.position, last.hash, last.recorded_at, state)))

    async def _end(self, running: asyncio.Task[None], wake: asyncio.Event) -> None:
        self._ending = True
        wake.set()
        try:
            await asyncio.wait((running,), timeout=_PATIENCE)
        finally:  # also when nobody waits any longer
            running.cancel()
        await asyncio.wait((running,))

    def _tell(self, what: str, wrong: Exception, of: str = "") -> None:
        if what + of not in self._told:
            self._told.add(what + of)
            _log.warning("snapshots%s cannot be %s; all events are folded instead: %s", of, what, wrong)


def folds_of(modules: Iterable[Module]) -> Iterator[Fold[Any]]:
    """Yield every fold of the modules' decisions and repositories."""
    for module in modules:
        for decision in module.decisions.values():
            yield from (selection.model.fold for _, selection in decision.selections)
        for handler in module.commands.values():
            yield from map(fold_of, aggregates_of(handler))


def _text(clause: Clause) -> str:
    return encode(clause.tags).decode()


def _refuse_namesakes(forms: Iterable[StateForm]) -> None:
    """Refuse two folds whose saved states would be taken for each other's."""
    seen: dict[str, Fold[Any]] = {}
    for form in forms:
        other = seen.setdefault(form.fold.name, form.fold)
        if other.evolve is not form.fold.evolve:
            raise WiringError(
                f"two folds with snapshots are named {form.fold.name}, by which their states are saved",
                where=place_of(form.fold.evolve),
                fix="make them functions with names of their own",
            )
