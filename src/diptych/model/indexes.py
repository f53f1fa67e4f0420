"""Indexes: what a read model is found by, beside its key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.predicates import atoms
from diptych.model.specifications import Specification


@dataclass(frozen=True, init=False)
class Index:
    """Index a read model by columns: `Index("department", "-price", where=sold, covering=("description",))`.

    A column with a minus sign is kept in descending order. `where` leaves out rows that a query does not ask for when
    it asks for the same specification, perhaps among others; `covering` columns are read from the index itself;
    `unique` allows each combination once, among the rows of `where`.
    """

    columns: tuple[str, ...]
    where: Specification[Any] | None
    covering: tuple[str, ...]
    unique: bool

    def __init__(
        self,
        *columns: str,
        where: Specification[Any] | None = None,
        covering: str | Iterable[str] = (),
        unique: bool = False,
    ) -> None:
        beside = (covering,) if isinstance(covering, str) else tuple(covering)
        for name, value in (("columns", columns), ("where", where), ("covering", beside), ("unique", unique)):
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its columns, those that it covers last."""
        return (*(each.removeprefix("-") for each in self.columns), *self.covering)

    @property
    def title(self) -> str:
        """Return a name that only this index of a read model has."""
        digest = blake2b(str(self).encode(), digest_size=4).hexdigest()
        return f"{'_and_'.join(each.removeprefix('-') for each in self.columns)}_{digest}"

    def __str__(self) -> str:
        parts = [", ".join(self.columns)]
        parts += [f"covering {', '.join(self.covering)}"] if self.covering else []
        parts += [f"where {self.where}"] if self.where is not None else []
        return "; ".join([*parts, *(["unique"] if self.unique else [])])


def groups_of(indexes: Iterable[str | tuple[str, ...] | Index]) -> tuple[tuple[str, ...], ...]:
    """Return the indexes that are nothing but columns."""
    given = (each for each in indexes if not isinstance(each, Index))
    return tuple((each,) if isinstance(each, str) else tuple(each) for each in given)


def declared(row: type, indexes: Iterable[str | tuple[str, ...] | Index]) -> tuple[Index, ...]:
    """Return the indexes that say more than columns; raise WiringError for one that rows of this type cannot have."""
    found = tuple(each for each in indexes if isinstance(each, Index))
    for each in found:
        _refuse_impossible(row, each)
    return found


def _refuse_impossible(row: type, index: Index) -> None:
    for problem, fix in _problems(row, index):
        raise WiringError(f"Index({index}) of rows {row.__qualname__}: {problem}", where=place_of(row), fix=fix)


def _problems(row: type, index: Index) -> Iterable[tuple[str, str]]:
    if not index.columns:
        yield "it has no columns", "name at least one: Index('department')"
    if len(set(index.names)) < len(index.names):
        yield "it names a column twice", "name every column once; what is indexed is covered"
    if index.unique and index.covering:
        yield "unique and covering exclude each other", "declare two: Index('a', unique=True), Index('a', covering='b')"
    if index.where is None:
        return
    if index.where.row is not row:
        yield f"its specification is of rows {index.where.row.__qualname__}", f"use fields({row.__qualname__})"
    if index.where.parameters:
        yield f"its specification has open parameters {', '.join(index.where.parameters)}", "write the values"
    if any(atom.column.type is bytes for atom in atoms(index.where.predicate)):
        yield "its specification compares bytes, which stand in no statement as text", "index a computed column"
