"""Leases: who owns which projection, and how workers share them. Stores keep the two tables; the sharing is here."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import uuid4

from diptych.ports import ASSURED

_MICROS = 1_000_000
_GRACE = _MICROS * 2 // 5
_FORGOTTEN = 60 * _MICROS
_ATTENTIVE_ABOVE = 0.6
_UNFAIR = 2


class Worker(NamedTuple):
    """A process that would fold projections, each by the code of this mark; alive until `expires`, unless renewed."""

    id: str
    projections: Mapping[str, str]
    expires: int


class Holding(NamedTuple):
    """Who has a projection since when, by which code: nobody, if `worker` is None. `epoch` counts its owners."""

    projection: str
    worker: str | None
    epoch: int
    code: str
    since: int


class Move(NamedTuple):
    """What a worker does about its projections: take some, give up some, and say that it is alive."""

    take: tuple[str, ...]
    give: tuple[str, ...]
    beat: bool

    @property
    def is_nothing(self) -> bool:
        """Say whether nothing need be written."""
        return not (self.take or self.give or self.beat)


class State(NamedTuple):
    """Workers and holdings as stored, at a time of the clock by which they were: microseconds since 1970 UTC."""

    workers: Sequence[Worker]
    holdings: Sequence[Holding]
    now: int

    def held(self, me: str) -> Mapping[str, int]:
        """Return the epoch of each projection that this worker has."""
        return {each.projection: each.epoch for each in self.holdings if each.worker == me}

    def alive(self, seconds: float) -> Mapping[str, Worker]:
        """Return who is alive; a lease that reaches far beyond any new one is from before the clock was set back."""
        return {each.id: each for each in self.workers if self.now < each.expires <= _longest(self.now, seconds)}

    def attentive(self, seconds: float) -> Mapping[str, Worker]:
        """Return who looked a moment ago: others are alive, but busy, or about to be found dead."""
        least = self.now + int(seconds * _MICROS * _ATTENTIVE_ABOVE)
        return {name: each for name, each in self.alive(seconds).items() if each.expires > least}

    def forgotten(self, seconds: float) -> Sequence[str]:
        """Return the workers that died long ago, or in a time that never came."""
        first, last = self.now - _FORGOTTEN, _longest(self.now, seconds)
        return [each.id for each in self.workers if not first <= each.expires <= last]


def expiry(now: int, seconds: float) -> int:
    """Return when a lease that is taken now ends."""
    return now + int(seconds * _MICROS)


def _longest(now: int, seconds: float) -> int:
    return now + 2 * int(seconds * _MICROS)


def identity() -> tuple[str, str]:
    """Return an id for a worker that no other has, and the name by which people know its process."""
    return str(uuid4()), f"{socket.gethostname()}:{os.getpid()}"


def planned(state: State, me: str, projections: Mapping[str, str], *, seconds: float) -> Move:
    """Return what a worker does: it takes its share of what nobody has, and gives up what others should have.

    A projection without a live owner goes to who has the fewest, first among those of the code that folded it; who
    comes too late loses it to anybody. An owner gives one up to a worker of the same code that has two fewer. Nothing
    is left to a worker that has not looked for a while.
    """
    plan = _Plan(state, me, projections, seconds)
    mine = next((each for each in state.workers if each.id == me), None)
    fresh = mine is not None and mine.projections == projections
    left = 0 if mine is None else mine.expires - state.now
    return Move(plan.taken(), plan.given(), not fresh or left < seconds * _MICROS * ASSURED)


class _Plan:
    def __init__(self, state: State, me: str, projections: Mapping[str, str], seconds: float) -> None:
        self._me, self._wanted, self._now = me, projections, state.now
        self._expiries = {each.id: each.expires for each in state.workers}
        self._rivals = {name: each for name, each in state.attentive(seconds).items() if name != me}
        self._holdings = {each.projection: each for each in state.holdings}
        living = {me, *state.alive(seconds)}
        self._owners = {each.projection: each.worker for each in state.holdings if each.worker in living}
        self._loads = Counter(self._owners.values())
        self._is_late = False

    def taken(self) -> tuple[str, ...]:
        """Return what nobody has and what falls to me."""
        return tuple(each for each in self._wanted if each not in self._owners and self._falls_to_me(each))

    def given(self) -> tuple[str, ...]:
        """Return what others should have: what is no longer wanted, and the last that I name beyond my share."""
        mine = [name for name, worker in self._owners.items() if worker == self._me]
        wanted = [name for name in reversed([*self._wanted]) if name in mine]
        return (*(name for name in mine if name not in self._wanted), *filter(self._is_too_many, wanted))

    def _falls_to_me(self, projection: str) -> bool:
        chosen = min(self._claimants(projection), key=lambda each: (self._loads[each], each != self._me))
        if chosen != self._me and self._is_overdue(projection):
            chosen, self._is_late = self._me, True
        self._loads[chosen] += 1
        return chosen == self._me

    def _claimants(self, projection: str) -> list[str]:
        """Return those to whom it may fall: who folds it as it was folded, else everybody who wants it."""
        last = self._holdings.get(projection)
        wanting = {self._me: self._wanted[projection]} | self._wanting(projection)
        fitting = [name for name, code in wanting.items() if last is not None and code == last.code]
        return fitting or list(wanting)

    def _is_overdue(self, projection: str) -> bool:
        last = self._holdings.get(projection)
        if last is None:
            return False
        free = last.since if last.worker is None else self._expiries.get(last.worker, last.since)
        return self._now - free > _GRACE

    def _is_too_many(self, projection: str) -> bool:
        if self._is_late:  # who did not take it would not take another one
            return False
        same = [name for name, code in self._wanting(projection).items() if code == self._wanted[projection]]
        least = min(same, key=lambda each: self._loads[each], default=self._me)
        if self._loads[self._me] - self._loads[least] < _UNFAIR:
            return False
        self._loads[self._me] -= 1
        self._loads[least] += 1
        return True

    def _wanting(self, projection: str) -> dict[str, str]:
        """Return the living others who want a projection, each with its code."""
        found = {name: each.projections.get(projection) for name, each in self._rivals.items()}
        return {name: code for name, code in found.items() if code is not None}
