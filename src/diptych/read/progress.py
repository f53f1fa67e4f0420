"""Progress: where the projections of this process stand, known in memory the moment they get there."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diptych.errors import FoldError, RebuildingError
from diptych.ports import Checkpoint

_POSITION = re.compile(r"event (\d+)")


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how far a projection is: everything up to `position`, rebuilding up to `target`, or stopped by `error`."""

    position: int
    target: int | None = None
    error: str | None = None

    def answers(self, projection: str, after: int) -> bool:
        """Say whether the rows hold everything up to `after`.

        Raises RebuildingError while they are rebuilt, FoldError when they will not get there.
        """
        if self.error is not None and (self.position < after or self.target is not None):
            raise FoldError(projection, _stopped_at(self), self.error.partition("\n")[0])
        if self.target is not None:
            raise RebuildingError(projection, self.position, self.target)
        return self.position >= after


def standing_of(checkpoint: Checkpoint) -> Standing:
    """Return the standing that a stored checkpoint tells."""
    return Standing(checkpoint.position, checkpoint.target, checkpoint.error)


def _stopped_at(standing: Standing) -> int:
    found = _POSITION.match(standing.error or "")
    return int(found.group(1)) if found else standing.position + 1


@dataclass(eq=False, slots=True)
class _Waiter:
    names: tuple[str, ...]
    after: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class LiveProgress:
    """Be told by the runtime's thread, and wake who waits on any loop. It knows only projections that are led here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}
        self._waiters: list[_Waiter] = []
        self._until = math.inf

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Return the standing of every projection that this process leads; those of the others are stored."""
        return self._standings

    @property
    def known(self) -> Mapping[str, Standing]:
        """Return the standings that surely are the newest: none beyond the end of the leases, which others may have."""
        return self._standings if time.monotonic() < self._until else {}

    def hold(self, until: float) -> None:
        """Say until when, by the monotonic clock, what is told here is the newest: nobody else leads before that."""
        self._until = until

    def publish(self, projection: str, standing: Standing) -> None:
        """Tell where a projection that is led here stands now."""
        with self._lock:
            self._standings[projection] = standing
            if self._waiters:
                self._wake()

    def lead(self, standings: Mapping[str, Standing]) -> None:
        """Begin to lead these: from now on the standings told here are the newest."""
        with self._lock:
            self._standings = self._standings | dict(standings)
            self._wake()

    def resign(self, projections: Iterable[str]) -> None:
        """Stop leading these: who waits for one must look at its stored checkpoint."""
        with self._lock:
            gone = set(projections)
            # A new one: who looks at the old one meanwhile finds what it had.
            self._standings = {name: each for name, each in self._standings.items() if name not in gone}
            self._wake()

    def leads(self, names: Iterable[str]) -> bool:
        """Say whether this process leads all of these."""
        standings = self.known
        return all(name in standings for name in names)

    def holds(self, names: Iterable[str], after: int) -> bool:
        """Say whether all of these are led here and hold everything up to `after`; raises as `Standing.answers`."""
        standings = self.known
        try:
            return all([standings[name].answers(name, after) for name in names])  # noqa: C419 (each must be asked: one may raise)
        except KeyError:
            return False

    async def moved(self, names: tuple[str, ...], after: int, *, seconds: float) -> None:
        """Return when the answer of `holds` may have changed, or after some seconds; at once if one is not led here."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(names, after, loop, loop.create_future())
        with self._lock:
            if self._settled(waiter):
                return
            self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.future
        except TimeoutError:
            pass
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def _wake(self) -> None:
        settled = [waiter for waiter in self._waiters if self._settled(waiter)]
        if not settled:
            return
        self._waiters = [waiter for waiter in self._waiters if waiter not in settled]
        for waiter in settled:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
                waiter.loop.call_soon_threadsafe(_resolve, waiter.future)

    def _settled(self, waiter: _Waiter) -> bool:
        try:
            return not self.leads(waiter.names) or self.holds(waiter.names, waiter.after)
        except (FoldError, RebuildingError):
            return True


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
