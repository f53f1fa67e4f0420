"""Outages: what keeps failing is told once as it is, and then now and then, so that an hour of it fills no disk."""

from __future__ import annotations

from logging import Logger

_EVERY = 30.0


class Outage:
    """Log that something cannot go on: with its traceback when it is news, else as one line every half minute.

    What went well for half a minute in between is over: the next failure is news.
    """

    def __init__(self, what: str, log: Logger) -> None:
        self._what, self._log = what, log
        self._kind: type[BaseException] | None = None
        self._told_at = self._failed_at = 0.0

    def tell(self, wrong: BaseException, now: float) -> None:
        """Tell of one failure; `now` is in seconds of a clock that never goes back."""
        if self.is_news(wrong, now):
            self._told_at = now
            self._log.error("%s cannot go on now; trying again", self._what, exc_info=wrong)
        elif now - self._told_at > _EVERY:
            self._told_at = now
            self._log.error("%s still cannot go on; trying again: %s", self._what, wrong)

    def is_news(self, wrong: BaseException, now: float) -> bool:
        """Take note of a failure; say whether it is of another kind than the last one, or the first for a while."""
        is_news = type(wrong) is not self._kind or now - self._failed_at > _EVERY
        self._kind, self._failed_at = type(wrong), now
        return is_news
