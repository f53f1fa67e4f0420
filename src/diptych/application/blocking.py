"""An application for code without async: the same names, each of which waits for its answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from uuid import UUID

from diptych.application.background import Background
from diptych.application.blocking_history import BlockingHistory
from diptych.errors import BlockingError
from diptych.history.check import Report
from diptych.history.history import Moment
from diptych.history.traced import Trace
from diptych.history.trial import Trial
from diptych.model.messages import Command, Query
from diptych.model.results import Result
from diptych.ports import Checkpoint, Record
from diptych.read.panel import Answer
from diptych.read.views import Refreshed, ViewStanding

P = ParamSpec("P")
R = TypeVar("R")


class BlockingApplication:
    """Call an application without async: `with app.blocking() as shop: shop.send(...)`.

    The application runs on an event loop in a thread of its own; any number of threads may call it at once. Each method
    does what that of the application does, and raises what it raises. Raises BlockingError before it is open, after it
    is closed, and on its own event loop. On the thread of another event loop it works, and holds that loop meanwhile.
    """

    def __init__(self, application: Any) -> None:  # Any: an Application, which is made of this
        self.application = application
        self._background = Background(application)
        self._call = self._background.call
        self.history = BlockingHistory(self._background, application.history)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.close(interrupted=kind is not None and not issubclass(kind, Exception))

    def open(self) -> Self:
        """Open the application; for who cannot write `with`: close it at the end."""
        if self.application.is_open:
            raise BlockingError(
                "the application is open already: await it where it was opened, or share one blocking()"
            )
        self._background.open()
        return self

    def close(self) -> None:
        """Close the application once the calls that have begun are answered; closing again does nothing."""
        self._background.close()

    def call(self, function: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call any coroutine function on the event loop of the application: `shop.call(app.audit.commands, ...)`."""
        return self._call(function, *args, **kwargs)

    def send(
        self,
        command: Command[R],
        *,
        key: str | None = None,
        principal: str | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        expected: int | None = None,
    ) -> Result[R]:
        """Send a command and return its result."""
        given = {"correlation": correlation, "causation": causation, "expected": expected}
        return self._call(self.application.send, command, key=key, principal=principal, **given)  # type: ignore[no-any-return]  # the command's R

    def receive(
        self,
        name: str,
        body: bytes,
        *,
        key: str | None = None,
        principal: str | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        expected: int | None = None,
    ) -> Result[Any]:
        """Send the command of this name whose JSON is `body`."""
        given = {"correlation": correlation, "causation": causation, "expected": expected}
        found: Result[Any] = self._call(self.application.receive, name, body, key=key, principal=principal, **given)
        return found

    def try_(
        self,
        command: Command[R],
        *,
        key: str | None = None,
        principal: str | None = None,
        expected: int | None = None,
        wait: float = 2.0,
    ) -> Trial[R]:
        """Return what `send` would answer now, the events, and how rows would change."""
        given = {"key": key, "principal": principal, "expected": expected, "wait": wait}
        found: Trial[R] = self._call(self.application.try_, command, **given)
        return found

    def ask(
        self,
        query: Query[R],
        *,
        after: Result[Any] | int | None = None,
        as_of: Moment | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> R:
        """Ask a query and return its answer, which holds everything up to `after`."""
        given = {"after": after, "as_of": as_of, "wait": wait, "principal": principal}
        return self._call(self.application.ask, query, **given)  # type: ignore[no-any-return]  # the query's R

    def answer(
        self,
        query: Query[Any],
        *,
        after: Result[Any] | int | None = None,
        as_of: Moment | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> Answer:
        """Ask a query; return its answer with the position that it holds and that of the last change it may show."""
        given = {"after": after, "as_of": as_of, "wait": wait, "principal": principal}
        answer: Answer = self._call(self.application.answer, query, **given)
        return answer

    def outcome(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None: it never took effect, or not yet."""
        found: Record | None = self._call(self.application.outcome, command_id)
        return found

    def trace(self, command: UUID | int) -> Trace:
        """Return what a command led to."""
        found: Trace = self._call(self.application.trace, command)
        return found

    def head(self) -> int:
        """Return the position of the last event on disk."""
        found: int = self._call(self.application.head)
        return found

    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return where every projection stands."""
        found: Mapping[str, Checkpoint] = self._call(self.application.checkpoints)
        return found

    def views(self) -> Mapping[str, ViewStanding]:
        """Return where every materialised view stands."""
        found: Mapping[str, ViewStanding] = self._call(self.application.views)
        return found

    def refresh(self, view: str) -> Refreshed:
        """Refresh a materialised view now."""
        found: Refreshed = self._call(self.application.refresh, view)
        return found

    def caught_up(self, *, timeout: float = 60) -> None:
        """Return once every projection holds everything that is in the log now."""
        self._call(self.application.caught_up, timeout=timeout)

    def reacted(self, *, timeout: float = 60) -> None:
        """Return once every subscriber has handled all that is in the log now."""
        self._call(self.application.reacted, timeout=timeout)

    def check(self, projection: str) -> Report:
        """Compare every row of a projection with an independent fold."""
        found: Report = self._call(self.application.check, projection)
        return found
