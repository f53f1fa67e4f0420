"""One order in three shapes: dataclasses, Structs and pydantic models, alike in every field."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pydantic
from hypothesis import strategies as st

from diptych.model.marks import Scale, Tag
from diptych.model.messages import event

Money = Annotated[Decimal, Scale(2)]
OrderId = Annotated[UUID, Tag("order")]
Code = Annotated[str, Tag("product")]


class Paid(Enum):
    CASH = "cash"
    CARD = "card"


class Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)


@dataclass(frozen=True)
class Line:
    product: Code
    quantity: int
    price: Money


class PackedLine(msgspec.Struct, frozen=True):
    product: Code
    quantity: int
    price: Money


class ModelLine(Frozen):
    product: Code
    quantity: int
    price: Money


@event("order.placed")
@dataclass(frozen=True)
class Placed:
    order: OrderId
    lines: tuple[Line, ...]
    at: datetime
    paid: Paid
    note: str | None
    share: float
    codes: frozenset[str]
    counts: dict[str, int]
    kind: Literal["new", "old"]
    blob: bytes = b""


@event("order.placed")
class PackedPlaced(msgspec.Struct, frozen=True):
    order: OrderId
    lines: tuple[PackedLine, ...]
    at: datetime
    paid: Paid
    note: str | None
    share: float
    codes: frozenset[str]
    counts: dict[str, int]
    kind: Literal["new", "old"]
    blob: bytes = b""


@event("order.placed")
class ModelPlaced(Frozen):
    order: OrderId
    lines: tuple[ModelLine, ...]
    at: datetime
    paid: Paid
    note: str | None
    share: float
    codes: frozenset[str]
    counts: dict[str, int]
    kind: Literal["new", "old"]
    blob: bytes = b""


@event("order.placed")
class ModelOfDataclasses(Frozen):
    order: OrderId
    lines: tuple[Line, ...]
    at: datetime
    paid: Paid
    note: str | None
    share: float
    codes: frozenset[str]
    counts: dict[str, int]
    kind: Literal["new", "old"]
    blob: bytes = b""


@event("order.placed")
@dataclass(frozen=True)
class DataclassOfModels:
    order: OrderId
    lines: tuple[ModelLine, ...]
    at: datetime
    paid: Paid
    note: str | None
    share: float
    codes: frozenset[str]
    counts: dict[str, int]
    kind: Literal["new", "old"]
    blob: bytes = b""


SHAPES: tuple[tuple[Any, Any], ...] = (
    (Placed, Line),
    (PackedPlaced, PackedLine),
    (ModelPlaced, ModelLine),
    (ModelOfDataclasses, Line),
    (DataclassOfModels, ModelLine),
)
"""Each way to write the order, with its lines."""

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
_whole = st.integers(-(2**63), 2**63 - 1)
_zones = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5, minutes=-30))])
_lines = st.fixed_dictionaries(
    {"product": _text, "quantity": _whole, "price": st.decimals("-99999", "99999", places=2, allow_nan=False)}
)
VALUES = st.fixed_dictionaries(
    {
        "order": st.uuids(),
        "lines": st.lists(_lines, max_size=3),
        "at": st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=_zones),  # noqa: DTZ001 (`timezones` adds it)
        "paid": st.sampled_from(Paid),
        "note": st.none() | _text,
        "share": st.floats(allow_nan=False, allow_infinity=False),
        "codes": st.frozensets(_text, max_size=3),
        "counts": st.dictionaries(_text, _whole, max_size=3),
        "kind": st.sampled_from(["new", "old"]),
        "blob": st.binary(max_size=5),
    }
)
"""Values for an order of any of the shapes."""


def order_of(shape: tuple[Any, Any], values: dict[str, Any]) -> Any:
    """Return the order of these values in one of the shapes."""
    whole, line = shape
    return whole(**{**values, "lines": tuple(line(**each) for each in values["lines"])})
