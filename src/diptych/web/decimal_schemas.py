"""JSON Schemas of decimals: texts whose pattern says how many places, digits and which signs they may have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from diptych.model.marks import Scale
from diptych.model.shape import INT64_DIGITS
from diptych.web.pydantic_schemas import Schema

_ANY = r"^-?\d+(\.\d+)?([eE][+-]?\d{1,6})?$"


def refine_decimal(marks: Iterable[Any], schema: Schema) -> None:
    """Say how a Decimal with these marks is written, `Scale` or those of pydantic.

    A number, which pydantic would describe too, is left out: it is not exact.
    """
    found = tuple(marks)
    scale = next((mark for mark in found if isinstance(mark, Scale)), None)
    text = next((each for each in schema.get("anyOf", ()) if each.get("format") == "decimal"), None) or _exactly(schema)
    places, digits = (_said(found, name) for name in ("decimal_places", "max_digits"))
    if scale is not None:
        text["pattern"] = _pattern(found, INT64_DIGITS - scale.places, scale.places, trailing="0*")
        schema["description"] = _exactness(scale)
    elif places is None or digits is None:
        text["pattern"] = _ANY
    else:
        text["pattern"] = _pattern(found, max(1, digits - places), places, trailing="")


def _pattern(marks: tuple[Any, ...], whole: int, places: int, *, trailing: str) -> str:
    above, least = _said(marks, "gt"), _said(marks, "ge")
    low = min((bound for bound in (above, least) if bound is not None), default=None)
    sign = "-?" if low is None or low < 0 else ""
    some = "(?=.*[1-9])" if above is not None and above == 0 else ""
    fraction = rf"(\.\d{{1,{places}}}{trailing})?" if places else r"(\.0+)?"
    return rf"^{some}{sign}0*\d{{1,{whole}}}{fraction}$"


def _said(marks: tuple[Any, ...], name: str) -> Any:  # Any: a number
    return next((value for mark in marks if (value := getattr(mark, name, None)) is not None), None)


def _exactly(schema: Schema) -> Schema:
    choices = schema.pop("anyOf", None)
    text = {"type": "string", "format": "decimal"}
    if choices is None or not any(each.get("type") == "null" for each in choices):
        schema.update(text)
        return schema
    schema["anyOf"] = [text, {"type": "null"}]
    return text


def _exactness(scale: Scale) -> str:
    bounds = (("greater than", scale.gt), ("at least", scale.ge), ("less than", scale.lt), ("at most", scale.le))
    limits = (f"{words} {bound}" for words, bound in bounds if bound is not None)
    return ", ".join((f"up to {scale.places} decimal places", *limits))
