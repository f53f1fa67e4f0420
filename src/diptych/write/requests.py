"""Requests: a command with its identity, filled and checked, before anything is read or decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from diptych.codec import encoded, message_decoder
from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, place_of
from diptych.model.marks import GeneratedMark
from diptych.model.meta import Context
from diptych.model.rows import change
from diptych.write.withheld import Withheld
from diptych.write.work import Work

SCOPE = UUID("6f2f4a5e-5d0a-5c0e-9f43-0c7f1c9d3b11")
"""The namespace of command ids that are made from a scope and a key."""


class Request(Context, frozen=True):
    """The context of a command on its way through the left panel; handlers and middleware see it as a Context.

    `withheld` is set for a command that is only tried: it takes the place of the log where events are appended.
    `work` is set within a handler that loads and records for itself.
    """

    fingerprint: bytes = b""
    keyed: bool = False
    expected: int | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    withheld: Withheld | None = None
    work: Work | None = None


class Delivery(NamedTuple):
    """How a command came: its idempotency key, on whose behalf, in which course of events, expecting which position.

    A command that is only tried brings what takes the place of the log where it would append.
    """

    key: str | None = None
    principal: str | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    expected: int | None = None
    withheld: Withheld | None = None


def command_id_of(principal: str | None, key: str) -> UUID:
    """Return the id of the command that this principal sent under this idempotency key, now or ever."""
    return uuid5(SCOPE, f"{principal or ''}\x00{key}")


def canonical(command: Any) -> tuple[bytes, Any]:
    """Return the request as canonical JSON, and the command as whoever receives that reads it.

    An object made in Python is what it would be if it had been received: written and read again by the type of each
    field. So a UUID that was given as text is a UUID to those who decide. Raises InvalidMessageError with every field
    that is wrong.
    """
    return canonical_of(type(command))(command)


def canonical_of(cls: type) -> Callable[[Any], tuple[bytes, Any]]:
    """Compile what `canonical` does for the commands of one class."""
    decode = message_decoder(cls)

    def received(command: Any) -> tuple[bytes, Any]:
        data = encoded(cls, command)
        return data, decode(data)

    return received


def filler(command: type) -> Callable[[Any, UUID], Any] | None:
    """Compile the function that fills a command's absent Generated fields by uuid5 of the command id and the field.

    Raises WiringError for a Generated field that is neither a UUID nor a str.
    """
    generated = [field for field in fields_of(command) if field.mark(GeneratedMark) is not None]
    makers = {field.name: _maker(command, field) for field in generated}
    if not makers:
        return None

    def fill(given: Any, command_id: UUID) -> Any:
        absent = {name: make(command_id) for name, make in makers.items() if getattr(given, name) is None}
        return change(given, **absent) if absent else given

    return fill


def _maker(command: type, field: Field) -> Callable[[UUID], Any]:
    makers: Mapping[Any, Callable[[UUID], Any]] = {
        UUID: lambda command_id: uuid5(command_id, field.name),
        str: lambda command_id: str(uuid5(command_id, field.name)),
    }
    if field.type not in makers:
        raise WiringError(
            f"the generated field {field.name!r} of {command.__qualname__} is neither a UUID nor a str",
            where=place_of(command),
            fix=f"write {field.name}: Annotated[UUID, Generated] = NEW",
        )
    return makers[field.type]
