"""The closed union of answers to a command.

Each has `.status`, `.is_success`, `.is_failure`, `.value`, `.error`, `.errors`, `.position` and `.unwrap()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, NoReturn, TypeAlias, TypeVar, Union
from uuid import UUID

import msgspec

from diptych.errors import UnwrapError

R = TypeVar("R")
_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Accepted(msgspec.Struct, Generic[R], frozen=True, eq=False):
    """The command took effect, once, and is on disk; `position` is that of its last event.

    Without events it is the head that the decision read. `replayed` says that this command had been accepted before and
    this is the stored answer; it makes no difference to `==`.
    """

    value: R
    position: int
    command_id: UUID
    replayed: bool = False

    status: ClassVar[Literal["accepted"]] = "accepted"
    is_success: ClassVar[Literal[True]] = True
    is_failure: ClassVar[Literal[False]] = False
    error: ClassVar[None] = None
    errors: ClassVar[Mapping[str, tuple[str, ...]]] = _NONE

    def unwrap(self) -> R:
        """Return the value."""
        return self.value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Accepted):
            return NotImplemented
        return (self.value, self.position, self.command_id) == (other.value, other.position, other.command_id)

    def __hash__(self) -> int:
        return hash((self.value, self.position, self.command_id))


class _Failure:
    """Share what every answer that is not Accepted has; it adds no state."""

    __slots__ = ()

    is_success: ClassVar[Literal[False]] = False
    is_failure: ClassVar[Literal[True]] = True
    value: ClassVar[None] = None

    def unwrap(self) -> NoReturn:
        """Raise UnwrapError."""
        raise UnwrapError(self)


@dataclass(frozen=True, slots=True)
class Invalid(_Failure):
    """Fields are wrong: field path -> messages, all of them at once."""

    errors: Mapping[str, tuple[str, ...]]

    status: ClassVar[Literal["invalid"]] = "invalid"
    position: ClassVar[None] = None

    @property
    def error(self) -> str:
        """Return the field errors as one sentence."""
        return "; ".join(f"{path or 'message'}: {', '.join(found)}" for path, found in self.errors.items())


@dataclass(frozen=True, slots=True)
class Refused(_Failure):
    """The decision said no: a code for machines, a message for people, data to act on; decided at `position`."""

    code: str
    error: str
    data: Mapping[str, Any] = field(default_factory=dict)
    position: int | None = None

    status: ClassVar[Literal["refused"]] = "refused"
    errors: ClassVar[Mapping[str, tuple[str, ...]]] = _NONE


@dataclass(frozen=True, slots=True)
class NotFound(_Failure):
    """The thing which the command names is not there."""

    error: str
    data: Mapping[str, Any] = field(default_factory=dict)
    position: int | None = None

    status: ClassVar[Literal["not_found"]] = "not_found"
    errors: ClassVar[Mapping[str, tuple[str, ...]]] = _NONE


@dataclass(frozen=True, slots=True)
class Conflict(_Failure):
    """Somebody else changed what the decision read: after the expected position, or at every retry."""

    error: str
    position: int | None = None

    status: ClassVar[Literal["conflict"]] = "conflict"
    errors: ClassVar[Mapping[str, tuple[str, ...]]] = _NONE


@dataclass(frozen=True, slots=True)
class Forbidden(_Failure):
    """The principal may not do this."""

    error: str
    position: int | None = None

    status: ClassVar[Literal["forbidden"]] = "forbidden"
    errors: ClassVar[Mapping[str, tuple[str, ...]]] = _NONE


Failure: TypeAlias = Union[Invalid, Refused, NotFound, Conflict, Forbidden]  # noqa: UP007 (an alias at run time)
"""Every answer that is not Accepted."""

Result: TypeAlias = Union[Accepted[R], Invalid, Refused, NotFound, Conflict, Forbidden]  # noqa: UP007 (the same)
"""The answer to a command whose value is an R."""
