"""Means: what the routes of one left panel share, put together once."""

from __future__ import annotations

from dataclasses import dataclass

from diptych.codec import EventCodec
from diptych.ports import Clock, EventStore
from diptych.write.appending import Appending
from diptych.write.loading import Loader
from diptych.write.recording import Recorder
from diptych.write.snapshots import Snapshotter
from diptych.write.states import StateCache
from diptych.write.turns import Turns
from diptych.write.units import UnitWorking
from diptych.write.working import Working


@dataclass(frozen=True, eq=False)
class Means:
    """Hold how commands are looked up, their entities loaded, their events appended, and in which turn."""

    recorder: Recorder
    states: StateCache
    loader: Loader
    appending: Appending
    working: Working
    units: UnitWorking
    turns: Turns


def means_of(
    store: EventStore, codec: EventCodec, snapshots: Snapshotter, clock: Clock, *, state_bytes: int, uow_limit: float
) -> Means:
    """Put the means of a left panel together over a log."""
    recorder, states = Recorder(store, codec, clock), StateCache(state_bytes)
    loader, appending = Loader(store, codec, states, snapshots), Appending(recorder, states, snapshots)
    working = Working(recorder, loader, appending, store)
    units = UnitWorking(store, recorder, working, limit=uow_limit)
    return Means(recorder, states, loader, appending, working, units, Turns())
