"""A `select()` as of a position is refused where it would show the present."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from diptych.errors import NoHistoryError
from diptych.model.projections import Projection
from diptych.read.past import refuse_present


@dataclass(frozen=True)
class Kept:
    code: str


@dataclass(frozen=True)
class Plain:
    code: str


def table(name: str, schema: str | None = None) -> sa.TableClause:
    return sa.table(name, sa.column("code"), schema=schema)


KEPT, PLAIN = table("kept"), table("plain")
IN_SCHEMA = sa.Table("kept", sa.MetaData(), sa.Column("code"), schema="main")


def refuse(statement: Any) -> None:
    projection = Projection("all")
    models = [projection.read_model(Kept, key="code", history=True), projection.read_model(Plain, key="code")]
    refuse_present([statement], {model.name: model for model in models})


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(KEPT.c.code),
        sa.select(KEPT.alias("other").c.code),
        sa.select(sa.select(sa.func.count()).select_from(KEPT).scalar_subquery()),
        sa.union_all(sa.select(KEPT.c.code), sa.select(KEPT.c.code)),
    ],
)
def test_what_reads_only_rows_with_a_past_is_let_through(statement: Any) -> None:
    refuse(statement)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (sa.select(PLAIN.c.code), "'plain', which keeps no history"),
        (sa.select(KEPT.c.code).where(KEPT.c.code.in_(sa.select(PLAIN.c.code))), "'plain'"),
        (sa.select(table("kept__g1").c.code), "'kept__g1' .*the table of no read model"),
        (sa.select(table("KEPT").c.code), "'KEPT' .*the table of no read model"),
        (sa.select(table("kept", "main").c.code), "'main.kept' .*without a schema"),
        (sa.select(IN_SCHEMA.c.code), "'main.kept' .*without a schema"),
        (sa.select(sa.literal_column("(select code from kept)")), "SQL as text"),
        (sa.text("select code from kept"), "SQL as text"),
    ],
)
def test_what_would_show_the_present_is_refused(statement: Any, why: str) -> None:
    with pytest.raises(NoHistoryError, match=why):
        refuse(statement)
