"""Specifications: filters over rows as values, composed by `&`, `|` and `~`; one object for memory and for SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NoReturn, TypeVar

from diptych.model.predicates import (
    Opposite,
    Parameter,
    Predicate,
    Test,
    absent,
    among,
    bound,
    compared,
    every,
    parameters_in,
    some,
    test_of,
    told,
)
from diptych.model.rows import Column, columns_of

V = TypeVar("V")


@dataclass(frozen=True, repr=False)
class Specification(Generic[V]):
    """Say which rows of type V are meant. Compose by `&`, `|` and `~`, call it on a row, give it to `find` or an index.

    Its logic has two values. A comparison with None is False, `!=` as well; `== None`, `!= None` and `is_none()` ask
    for None itself. `~` is the true complement: a row that does not fulfil a specification fulfils its opposite. SQL
    gives the same answer for every row.
    """

    row: type[V]
    predicate: Predicate

    def __call__(self, row: V) -> bool:
        """Say whether the row is meant; raise TypeError while a parameter is not bound."""
        return self._test(row)

    def __and__(self, other: Specification[V]) -> Specification[V]:
        return self._with(other, every)

    def __or__(self, other: Specification[V]) -> Specification[V]:
        return self._with(other, some)

    def __invert__(self) -> Specification[V]:
        inner = self.predicate
        return Specification(self.row, inner.part if isinstance(inner, Opposite) else Opposite(inner))

    def __bool__(self) -> NoReturn:
        raise TypeError("a Specification is neither true nor false: compose with &, | and ~, each part in parentheses")

    def bind(self, **values: Any) -> Specification[V]:  # Any: values of the columns
        """Return the specification with values in the place of parameters; others may stay open for a later `bind`.

        Raises TypeError for a name that is no open parameter, TypeError or ValueError for a value that does not fit.
        """
        unknown = sorted(values.keys() - set(self.parameters))
        if unknown:
            open_ones = ", ".join(self.parameters) or "none"
            raise TypeError(f"{self!r} has no parameter {unknown[0]!r}; its open parameters: {open_ones}")
        return Specification(self.row, bound(self.predicate, values))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters that wait for a value."""
        return parameters_in(self.predicate)

    def settled(self) -> Predicate:
        """Return the predicate, whose parameters must all be bound, else raise TypeError."""
        if self.parameters:
            missing = ", ".join(f"{name}=..." for name in self.parameters)
            raise TypeError(f"{self!r} has unbound parameters: call bind({missing}) first")
        return self.predicate

    def __str__(self) -> str:
        return told(self.predicate)

    def __repr__(self) -> str:
        return f"Specification[{self.row.__name__}]({self})"

    @cached_property
    def _test(self) -> Test:
        return test_of(self.settled())

    def _with(self, other: Specification[V], made: Callable[..., Predicate]) -> Specification[V]:
        if getattr(other, "row", None) is not self.row:
            raise TypeError(f"{self!r} is composed with specifications of the same rows only, found {other!r}")
        return Specification(self.row, made(self.predicate, other.predicate))


class ColumnReference(Generic[V]):
    """Stand for a column of rows V; comparing it makes a specification."""

    __slots__ = ("_column", "_row")
    __hash__ = None  # type: ignore[assignment]  # its `==` makes a specification

    def __init__(self, row: type[V], column: Column) -> None:
        self._row, self._column = row, column

    def __eq__(self, other: object) -> Specification[V]:  # type: ignore[override]  # a specification, no answer
        return self._compared("==", other)

    def __ne__(self, other: object) -> Specification[V]:  # type: ignore[override]  # a specification, no answer
        return self._compared("!=", other)

    def __lt__(self, other: Any) -> Specification[V]:  # Any, here and below: a value of the column
        return self._compared("<", other)

    def __le__(self, other: Any) -> Specification[V]:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Specification[V]:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Specification[V]:
        return self._compared(">=", other)

    def in_(self, values: Iterable[Any] | Parameter) -> Specification[V]:
        """Look for the value among these; None among them asks for None, and nothing is among none."""
        return Specification(self._row, among(self._column, values))

    def is_none(self) -> Specification[V]:
        """Ask for rows without a value."""
        return Specification(self._row, absent(self._column))

    def starts_with(self, text: str | Parameter) -> Specification[V]:
        """Ask for texts with this beginning, character for character; an index finds them."""
        return self._compared("starts_with", text)

    def contains(self, text: str | Parameter) -> Specification[V]:
        """Ask for texts with this somewhere in them, character for character; every row is looked at."""
        return self._compared("contains", text)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"column {self._column.name!r} is neither true nor false: write column == True")

    def __repr__(self) -> str:
        return f"{self._row.__name__}.{self._column.name}"

    def _compared(self, sign: str, other: Any) -> Specification[V]:
        if isinstance(other, ColumnReference):
            if other._row is not self._row:  # noqa: SLF001 (its own class)
                raise TypeError(f"{self!r} and {other!r} are columns of different rows")
            other = other._column  # noqa: SLF001 (its own class)
        return Specification(self._row, compared(self._column, sign, other))


class Fields(Generic[V]):
    """Have every column of a row type as an attribute, computed ones included."""

    __slots__ = ("__columns", "__row")

    def __init__(self, row: type[V]) -> None:
        self.__row = row
        self.__columns = {column.name: column for column in columns_of(row)}

    def __getattr__(self, name: str) -> ColumnReference[V]:
        if name.startswith("__"):
            raise AttributeError(name)  # a copy under way asks for __setstate__ before it has any columns
        column = self.__columns.get(name)
        if column is None:
            known = ", ".join(self.__columns)
            raise AttributeError(f"{self.__row.__qualname__} has no column {name!r}; it has {known}")
        return ColumnReference(self.__row, column)

    def __dir__(self) -> Sequence[str]:
        return sorted(self.__columns)


def fields(row: type[V]) -> Fields[V]:
    """Return the columns of a row type, to compare: `fields(ProductView).price < 5` is a specification.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Shelf:
    ...     room: str
    ...     books: int
    >>> shelf = fields(Shelf)
    >>> crowded = (shelf.books > 100) & ~shelf.room.in_(["cellar"])
    >>> crowded(Shelf("attic", 120)), crowded(Shelf("cellar", 120))
    (True, False)
    """
    return Fields(row)


def parameter(name: str) -> Parameter:
    """Return the place of a value that `bind` gives later.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Shelf:
    ...     room: str
    >>> within = fields(Shelf).room == parameter("room")
    >>> within.bind(room="attic")
    Specification[Shelf](room == 'attic')
    """
    return Parameter(name)
