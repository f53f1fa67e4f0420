"""A row with columns of every kind, random ones of it, and random specifications of them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from hypothesis import strategies as st

from diptych.model.indexes import Index
from diptych.model.marks import Scale
from diptych.model.projections import Projection, ReadModel
from diptych.model.rows import computed
from diptych.model.specifications import Specification, fields

Money = Annotated[Decimal, Scale(2)]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mixed(Enum):
    ONE = 1
    TWO = "two"


class Word(StrEnum):
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    id: int
    text: str
    note: str | None
    count: int
    spare: int | None
    ratio: float
    share: float | None
    price: Money
    discount: Money | None
    at: datetime
    until: datetime | None
    day: date
    due: date | None
    opens: time | None
    ok: bool
    sure: bool | None
    colour: Colour
    size: Size | None
    mixed: Mixed
    word: Word | None
    status: Literal["new", "old"]
    blob: bytes | None
    who: UUID | None
    tags: tuple[str, ...] | None = None

    @computed
    def half(self) -> Money | None:
        return None if self.discount is None else self.price - self.discount

    @computed
    def long(self) -> bool:
        return len(self.text) > 1


def samples(*indexes: str | Index) -> tuple[Projection, ReadModel[Sample]]:
    projection = Projection("samples")
    return projection, projection.read_model(Sample, key="id", indexes=indexes or ("text", "count"))


ALPHABET = "aAbé%_'\"\\ßя\ud7ff\ue000😀\U0010ffff"
ZONES = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=11)))
NOON = datetime(2011, 10, 6, 12, 30, tzinfo=UTC)

texts = st.text(ALPHABET, max_size=3)
wholes = st.integers(-2, 2) | st.sampled_from((-(1 << 63), (1 << 63) - 1))
reals = st.sampled_from((-1.5, -0.0, 0.0, 0.1, 1.0, 2.5, 1e300))
prices = st.integers(-3, 3).map(lambda cents: Decimal(cents) / 100) | st.sampled_from(
    (Decimal("-0"), Decimal(10) ** 16)
)
moments = st.builds(
    lambda micro, zone: (NOON + timedelta(microseconds=micro)).astimezone(zone),
    st.sampled_from((0, 1, -1, 10**6, -(10**11))),
    st.sampled_from(ZONES),
)
days = st.integers(-2, 2).map(lambda number: date(2011, 10, 6) + timedelta(number)) | st.just(date(1, 1, 1))
hours = st.sampled_from((time(0), time(12, 30), time(12, 30, 0, 1), time(23, 59, 59)))
ids = st.integers(1, 3).map(lambda number: UUID(int=number << 125))
blobs = st.sampled_from((b"", b"\x00", b"a", b"a\xff", b"b"))

# What a column holds, and what it is compared with besides.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "count": wholes,
    "ratio": reals,
    "price": prices,
    "at": moments,
    "day": days,
    "ok": st.booleans(),
    "colour": st.sampled_from(Colour),
    "mixed": st.sampled_from(Mixed),
    "status": st.sampled_from(("new", "old")),
    "note": texts,
    "spare": wholes,
    "share": reals,
    "discount": prices,
    "until": moments,
    "due": days,
    "opens": hours,
    "sure": st.booleans(),
    "size": st.sampled_from(Size),
    "word": st.sampled_from(Word),
    "blob": blobs,
    "who": ids,
}
OPTIONAL = ("note", "spare", "share", "discount", "until", "due", "opens", "sure", "size", "word", "blob", "who")
finer = st.integers(-31, 31).map(lambda mills: Decimal(mills) / 1000) | st.sampled_from(
    (Decimal("1E+999"), Decimal("-1E+999"), Decimal("1E-999"), Decimal("-1E-999"), Decimal("92233720368547758.075"), 1)
)
OPERANDS = VALUES | {
    "price": prices | finer,
    "discount": prices | finer,
    "half": prices | finer,
    "long": st.booleans(),
    "ratio": reals | st.integers(-1, 2),
}
UNORDERED = {"ok", "sure", "colour", "size", "mixed", "word", "long"}
TEXTS = {"text", "note"}
ALIKE = (
    ("text", "note"),
    ("count", "spare"),
    ("ratio", "share"),
    ("price", "discount"),
    ("price", "half"),
    ("at", "until"),
)
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}

PLAIN: dict[str, Any] = dict.fromkeys(OPTIONAL) | {
    "id": 0,
    "text": "",
    "count": 0,
    "ratio": 0.0,
    "price": Decimal(0),
    "at": NOON,
    "day": NOON.date(),
    "ok": True,
    "colour": Colour.RED,
    "mixed": Mixed.ONE,
    "status": "new",
}


def like(**known: Any) -> Sample:
    """A row of which only this matters."""
    return Sample(**(PLAIN | known))


rows = st.builds(
    Sample,
    id=st.just(0),
    tags=st.sampled_from((None, ("a",))),
    **{name: st.none() | found if name in OPTIONAL else found for name, found in VALUES.items()},
)


@st.composite
def atoms(draw: st.DrawFn) -> Specification[Sample]:
    name = draw(st.sampled_from(sorted(OPERANDS)))
    column, values = getattr(fields(Sample), name), OPERANDS[name]
    shape = draw(st.sampled_from(("sign", "sign", "sign", "in", "none", "text", "pair", "json")))
    if shape == "in":
        return column.in_(draw(st.lists(st.none() | values, max_size=3)))  # type: ignore[no-any-return]  # by name
    if shape == "none":
        return column.is_none()  # type: ignore[no-any-return]  # by name
    if shape == "json":
        return fields(Sample).tags.is_none()
    if shape == "pair":
        left, right = (getattr(fields(Sample), each) for each in draw(st.sampled_from(ALIKE)))
        return SIGNS[draw(st.sampled_from(sorted(SIGNS)))](left, right)  # type: ignore[no-any-return]  # by name
    if shape == "text" and name in TEXTS:
        return draw(st.sampled_from((column.starts_with, column.contains)))(draw(texts))
    signs = ("eq", "ne") if name in UNORDERED else tuple(SIGNS)
    return SIGNS[draw(st.sampled_from(signs))](column, draw(values))  # type: ignore[no-any-return]  # by name


specifications = st.recursive(
    atoms(),
    lambda inner: st.one_of(
        st.builds(operator.invert, inner), st.builds(operator.and_, inner, inner), st.builds(operator.or_, inner, inner)
    ),
    max_leaves=6,
)
