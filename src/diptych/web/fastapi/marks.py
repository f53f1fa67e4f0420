"""Marks: how a route tells the OpenAPI document what FastAPI does not see; `documents` writes out what they say.

FastAPI writes the parameters of every dependency into its document. A dependency of ours has one that no client
sends, under a name of ours, and its schema carries what the route takes and answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Header

D = TypeVar("D", bound=Callable[..., Any])

SENDS = "Diptych-Sends"
ASKS = "Diptych-Asks"
RECEIVES = "Diptych-Receives"
REMAPS = "Diptych-Remaps"
MARKS = frozenset({SENDS, ASKS, RECEIVES, REMAPS})

MEMBER = "x-diptych"
"""The member of a schema that holds what a mark says."""


def saying(name: str, say: Callable[[], Any], dependency: D) -> D:
    """Let the parameter `_` of a dependency say something to the document; return the dependency.

    What is said is made when the document is, for hints may name types that are defined later. A dependency of its own
    would say it too, and cost each request what FastAPI takes to solve one.
    """
    dependency.__annotations__["_"] = Annotated[str | None, Header(alias=name), Mark(say)]
    return dependency


class Mark:
    """Stand in an annotation that pydantic reads, and say something in the schema there."""

    def __init__(self, say: Callable[[], Any]) -> None:
        self._say = say

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:  # Any: of pydantic
        return {MEMBER: self._say()}
