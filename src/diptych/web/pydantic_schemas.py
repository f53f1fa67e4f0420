"""JSON Schemas of pydantic models, asked of the models themselves: pydantic is never imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

Schema = dict[str, Any]  # Any: JSON Schema is open

_KEYWORDS: Mapping[str, str] = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
    "title": "title",
    "description": "description",
    "examples": "examples",
}
_SIZES = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


def schema_of_model(cls: type, ref: str, *, shown: bool = False) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a pydantic model by its fields' names, and those of the types that it names.

    `shown` describes what it is written as, with its computed fields.
    """
    template = ref.replace("{name}", "{model}")
    schema: Schema = cast("Any", cls).model_json_schema(
        by_alias=False, ref_template=template, mode="serialization" if shown else "validation"
    )
    parts: dict[str, Schema] = schema.pop("$defs", {})
    own = parts.pop(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema
    return own, parts


def add_bounds(marks: Iterable[Any], schema: Schema) -> None:
    """Add what `Bounds` say, which pydantic does not know; our codec holds a model to them too."""
    for mark in marks:
        if isinstance(mark, msgspec.Meta):
            for name, keyword in _KEYWORDS.items():
                if (value := getattr(mark, name)) is not None:
                    schema[keyword] = value
            low, high = _SIZES.get(schema.get("type", ""), ("minProperties", "maxProperties"))
            sizes = {low: mark.min_length, high: mark.max_length}
            schema.update({keyword: size for keyword, size in sizes.items() if size is not None})
