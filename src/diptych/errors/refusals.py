"""Refusals: how a decision says no. An expected answer of the domain, never a bug."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from diptych.errors.casing import parted


class Refusal(Exception):  # noqa: N818 (a refusal is an answer of the domain, not an error)
    """Say no to a command, with a reason.

    Subclass it for each rule of the domain. `code` is what machines read: by default the class name in kebab-case.
    `data` is what the caller may need to act, as JSON-able values.

    >>> class OutOfStock(Refusal):
    ...     '''More was asked for than there is.'''
    >>> no = OutOfStock("3 in stock, 5 asked for", available=3, asked=5)
    >>> no.code, no.message, no.data
    ('out-of-stock', '3 in stock, 5 asked for', {'available': 3, 'asked': 5})
    """

    code: ClassVar[str] = "refused"

    def __init_subclass__(cls) -> None:
        if "code" not in cls.__dict__:
            cls.code = parted(cls.__name__, "-")

    def __init__(self, message: str = "", **data: Any) -> None:  # Any: JSON-able values of the domain
        if "code" in data:
            kind = type(self).__name__
            raise TypeError(f"the code of a refusal is that of its class: write code = {data['code']!r} in {kind}")
        self.message = message or self.code.replace("-", " ")
        self.data = data
        super().__init__(self.message)


class Missing(Refusal):
    """Say that the thing which the command names does not exist; `send` answers NotFound."""

    code = "not-found"


class NotAllowed(Refusal):
    """Say that this principal may not do this; `send` answers Forbidden."""

    code = "forbidden"


class FieldErrors(Refusal):
    """Report fields that are wrong in the light of the state, several at once; `send` answers Invalid.

    Paths are those of shape errors: `lines[2].product`.
    """

    code = "invalid"

    def __init__(self, errors: Mapping[str, str | Sequence[str]]) -> None:
        self.errors = {path: (found,) if isinstance(found, str) else tuple(found) for path, found in errors.items()}
        super().__init__("; ".join(f"{path}: {', '.join(found)}" for path, found in self.errors.items()))
