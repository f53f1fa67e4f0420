"""Cacheable: what must be true of a query so that its answers can be kept, checked at start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from diptych.codec import decoder
from diptych.errors import WiringError
from diptych.injection import Source
from diptych.model.caching import Cached
from diptych.model.fields import place_of
from diptych.model.folds import parameters_of
from diptych.model.immutability import mutable_part
from diptych.model.messages import result_type


def refuse_uncacheable(
    query: type, function: Callable[..., Any], sources: Sequence[Source], *, policy: Cached, reads: bool
) -> None:
    """Raise WiringError for a query whose answers cannot be kept as its policy says.

    `reads` says whether its handler takes the rows of any read model.
    """
    _refuse_unvaried(query, function, sources, policy)
    if policy.ttl is None and not reads:
        raise WiringError(
            f"answers of {query.__qualname__} are cached until a change, and its handler {function.__qualname__} "
            f"takes no rows that could change",
            where=place_of(function),
            fix="write Cached(ttl=<seconds>): how old may an answer be?",
        )
    found = mutable_part(result_type(query))
    if found is not None:
        raise WiringError(
            f"answers of {query.__qualname__} are mutable ({found.replace('state', 'answer', 1)}), and a cached one "
            f"is shared by all who ask",
            where=place_of(query),
            fix="answer with frozen dataclasses or Structs, tuple, frozenset and Mapping; or do not cache the query",
        )
    _refuse_ambiguous(query)


def refuse_unseen(statements: Sequence[Any]) -> None:
    """Raise TypeError where a statement selects by SQL as text: what that reads cannot be watched for changes."""
    for part in (part for each in statements for part in visitors.iterate(each)):
        text = _text_of(part)
        if "select" in text.lower():
            raise TypeError(
                f"an answer that is cached until a change was to be selected by SQL as text, {text[:60]!r}: nobody "
                f"sees which tables it reads; write it with the tables of read models, or write Cached(ttl=<seconds>)"
            )


def _text_of(part: Any) -> str:
    if isinstance(part, sa.TextClause):
        return part.text
    return str(part.name) if isinstance(part, sa.ColumnClause) and part.is_literal else ""


def _refuse_unvaried(query: type, function: Callable[..., Any], sources: Sequence[Source], policy: Cached) -> None:
    if policy.vary is not None:
        return
    for parameter, source in zip(parameters_of(function)[1:], sources, strict=True):
        if not source.is_constant:
            shown = getattr(parameter.type, "__qualname__", parameter.type)
            raise WiringError(
                f"{function.__qualname__} takes {parameter.name}: {shown}, which differs from message to message, and "
                f"answers of {query.__qualname__} are cached by the query alone",
                where=place_of(function),
                fix="say what of it an answer depends on: Cached(..., vary=lambda context: context.principal)",
            )


def _refuse_ambiguous(query: type) -> None:
    """Refuse a query whose JSON cannot be told apart from that of another: it is the key."""
    try:
        decoder(query)
    except TypeError as wrong:
        raise WiringError(
            f"{query.__qualname__} cannot be read back from its JSON, which answers are cached by: {wrong}",
            where=place_of(query),
            fix="give its fields types that JSON tells apart",
        ) from wrong
