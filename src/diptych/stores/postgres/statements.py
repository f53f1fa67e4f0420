"""Statements: the text of a file in `sql/` or `migrations/`, for the schema that a store lives in."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from diptych.stores.postgres.address import LOG_SCHEMA

_NAMED = re.compile(rf"\b{LOG_SCHEMA}\.(?=\w)")


@lru_cache(maxsize=512)
def sql(name: str, schema: str) -> str:
    """Return the statement of the file `sql/NAME.sql`, which is written for the schema `diptych`."""
    return in_schema(files("diptych.stores.postgres").joinpath("sql", f"{name}.sql").read_text("utf-8").strip(), schema)


def in_schema(text: str, schema: str) -> str:
    """Return SQL that is written for the schema `diptych`, for another."""
    return text if schema == LOG_SCHEMA else _NAMED.sub(f"{schema}.", text)
