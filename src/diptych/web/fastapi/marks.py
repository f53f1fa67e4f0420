"""Marks: how a route tells the OpenAPI document what FastAPI does not see; `documents` writes out what they say.

FastAPI writes the parameters of every dependency into its document. A dependency of ours has one that no client
sends, under a name of ours, and its schema carries what the route takes and answers.
"""

# No `from __future__ import annotations`: FastAPI must find in the annotation of `said` what only its function knows.

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Header

SENDS = "Diptych-Sends"
ASKS = "Diptych-Asks"
RECEIVES = "Diptych-Receives"
REMAPS = "Diptych-Remaps"
MARKS = frozenset({SENDS, ASKS, RECEIVES, REMAPS})

MEMBER = "x-diptych"
"""The member of a schema that holds what a mark says."""


def saying(name: str, say: Callable[[], Any]) -> Any:  # Any: what FastAPI's own Depends is typed as
    """Return a dependency that does nothing but say something to the document.

    What is said is made when the document is, for hints may name types that are defined later.
    """

    async def said(_: Annotated[str | None, Header(alias=name), Mark(say)] = None) -> None:
        pass

    return Depends(said)


class Mark:
    """Stand in an annotation that pydantic reads, and say something in the schema there."""

    def __init__(self, say: Callable[[], Any]) -> None:
        self._say = say

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:  # Any: of pydantic
        return {MEMBER: self._say()}
