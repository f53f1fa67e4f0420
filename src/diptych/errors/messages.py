"""Errors of messages: what cannot be read, written or handled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diptych.errors.root import Error


class MessageError(Error):
    """A message that cannot be read or written."""


class InvalidMessageError(MessageError):
    """Carry every shape error of a message: field path -> messages."""

    def __init__(self, message: str, errors: Mapping[str, Sequence[str]]) -> None:
        self.message = message
        self.errors = {path: tuple(found) for path, found in errors.items()}
        listed = "; ".join(f"{path or 'message'}: {', '.join(found)}" for path, found in self.errors.items())
        super().__init__(f"{message} is invalid: {listed}")


class MalformedError(InvalidMessageError):
    """The bytes are no JSON at all, or nested too deep to read."""


class UnknownMessageError(MessageError):
    """No handler is registered for this message."""


class UnreadableEventError(MessageError):
    """A stored event that current code cannot read: no class for its name and version, or bytes that do not fit."""
