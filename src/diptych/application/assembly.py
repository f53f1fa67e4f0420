"""The assembly: the panels of an application over the stores that its URLs name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from diptych.codec import EventCodec
from diptych.errors import ElsewhereError, StoreError
from diptych.history.history import History
from diptych.history.sent import SentCommands
from diptych.history.touching import Touching
from diptych.history.trace import Reactions, Traces
from diptych.history.trial import Trials
from diptych.injection import Injector
from diptych.ports import AuditTrail, EventStore, RowStore, refuse_unfinished
from diptych.react.panel import ReactPanel
from diptych.read.panel import ReadPanel
from diptych.stores.urls import (
    audit_beside,
    bookmarks_beside,
    event_store,
    followed_log,
    followed_rows,
    reads_beside,
    row_store,
    snapshots_beside,
)
from diptych.wiring import Wiring
from diptych.write.auditing import Auditing
from diptych.write.noting import Noting
from diptych.write.panel import WritePanel


@dataclass(frozen=True, eq=False)
class Assembly:
    """Hold the stores and panels of one application; entered in the order in which they are listed."""

    wiring: Wiring
    injector: Injector
    store: EventStore
    rows: RowStore
    codec: EventCodec
    write: WritePanel
    read: ReadPanel
    reactions: ReactPanel
    trials: Trials
    history: History
    trail: AuditTrail
    noting: Noting | None
    sent: SentCommands
    traces: Traces
    opened: Lock = field(default_factory=Lock)

    async def open(self, stack: AsyncExitStack) -> None:
        """Open what the application provides, the log, then both panels and what reacts; all close with the stack.

        Raises StoreError where it is open already, or somebody else opens it, in this thread or another.
        """
        if not self.opened.acquire(blocking=False):
            raise StoreError("the application is open already: share it, or make another by app.configured()")
        stack.callback(self.opened.release)
        await self.injector.open(stack)
        await stack.enter_async_context(self.store)
        await refuse_unfinished(self.store)
        await stack.enter_async_context(self.trail)
        if self.write.elsewhere is None:
            await stack.enter_async_context(self.write.snapshots)
            if self.noting is not None:
                await stack.enter_async_context(self.noting)
            self.write.open()
        await stack.enter_async_context(self.read)
        await stack.enter_async_context(self.reactions)


def assembled(made: Wiring) -> Assembly:
    """Put an application together, unopened; raise WiringError for what does not fit."""
    codec, injector, saved = made.codec(), Injector(made.provide), snapshots_beside(made.events)
    store, rows = _stores(made)
    read = made.right_panel(store, rows, codec, injector)
    reactions = _reactions(made, store, codec, injector, read)
    trail = audit_beside(made.events)
    noting = None if made.audit is None else Noting(made.audit, trail, made.clock)
    write = made.left_panel(store, codec, injector, reactions.around, _auditing(made, noting), snapshots=saved)
    write.elsewhere = partial(ElsewhereError, "command", "queries") if made.only == "queries" else None
    projections = tuple(made.projections.values())
    trials, history = Trials(write, read, store, codec, projections), History(projections, store, codec, read)
    made.refuse_clashes()
    panels = (write, read, reactions, trials, history)
    sent = SentCommands(store, trail, noting)
    asked = Reactions(tuple(made.subscribers.values()), reactions.bookmarks, reactions.skips)
    traces = Traces(store, codec, sent, Touching(history, rows, read, projections), asked)
    return Assembly(made, injector, store, rows, codec, *panels, trail, noting, sent, traces)


def _stores(made: Wiring) -> tuple[EventStore, RowStore]:
    reads = made.reads or reads_beside(made.events)
    if made.only == "queries":
        return followed_log(made.events), followed_rows(reads)
    return event_store(made.events), row_store(reads)


def _auditing(made: Wiring, noting: Noting | None) -> Auditing | None:
    return None if made.audit is None or noting is None else Auditing(noting, made.audit.content, made.clock)


def _reactions(made: Wiring, store: EventStore, codec: EventCodec, injector: Injector, read: ReadPanel) -> ReactPanel:
    runs, names = made.reactions
    return ReactPanel(
        made.subscribers.values() if made.only != "queries" else (),
        store=store,
        bookmarks=bookmarks_beside(made.events),
        codec=codec,
        injector=read.lending.seen_by(injector),
        lending=read.lending,
        clock=made.clock,
        mode=made.mode,
        runs=runs,
        chosen=names,
    )
