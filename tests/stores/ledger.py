"""Tables that the tests of units of work write: accounts, entries with a key of two columns, drafts with a version."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Ledger(DeclarativeBase):
    pass


class Account(Ledger):
    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(unique=True)
    balance: Mapped[int] = mapped_column(default=0)
    notes: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(sa.JSON), default=dict)
    remark: Mapped[str] = mapped_column(default="", deferred=True)


class Entry(Ledger):
    __tablename__ = "entries"

    account: Mapped[int] = mapped_column(
        sa.ForeignKey("accounts.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]


class Draft(Ledger):
    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    words: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(sa.JSON))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 (as SQLAlchemy declares it)
