"""The components of a document: schemas that are named, each name for one schema."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from diptych.web import openapi_parts as parts
from diptych.web.fastapi.marks import MEMBER
from diptych.web.fastapi.shown import FOREIGN
from diptych.web.json_schemas import REF, Schema

_FOREIGN = FOREIGN.format(name="")
_ANSWERED = re.compile(r"Annotated_(.+?)___Shown_")
_OWN = ("HTTPValidationError", "ValidationError")


class Components:
    """Take schemas into a document; one whose name another has already gets a number behind its name."""

    def __init__(self, document: Schema) -> None:
        self._schemas: dict[str, Schema] = document.get("components", {}).get("schemas", {})
        self._sources: dict[str, Any] = {}
        self._ours = False

    def take(self, schema: Any, said: Schema) -> Any:
        """Return a schema of a mark with its references led to components, which are taken in."""
        parts_of = said["components"]
        number = next(each for each in _numbers() if all(self._fits(name + each, parts_of[name]) for name in parts_of))
        for name, part in parts_of.items():
            if name + number not in self._schemas:
                self._sources[name + number] = part
                self._schemas[name + number] = _led(part, number)
        return _led(schema, number)

    def body(self, said: Schema, *, without: set[str]) -> Schema:
        """Return the schema of a message's body, without the fields that its path names."""
        name = said["schema"]["$ref"].removeprefix(_FOREIGN)
        whole = said["components"][name]
        if not without & set(whole["properties"]):
            return self.take(said["schema"], said)  # type: ignore[no-any-return]  # of a schema, a schema
        left = {key: value for key, value in whole["properties"].items() if key not in without}
        rest = {**whole, "title": f"{name}Body", "properties": left}
        rest["required"] = [each for each in whole.get("required", ()) if each not in without]
        changed = {**said, "components": {**said["components"], f"{name}Body": rest}}
        return self.take({"$ref": FOREIGN.format(name=f"{name}Body")}, changed)  # type: ignore[no-any-return]  # as above

    def need_headers(self) -> None:
        """Let the document have the headers and parameters that ours refer to."""
        self._ours = True

    def write_out(self, document: Schema) -> None:
        """Write what marks say where they stand, add the components, and leave out those that nobody refers to."""
        document["paths"] = self._written_out(document.get("paths", {}))
        self._schemas.update({name: self._written_out(schema) for name, schema in list(self._schemas.items())})
        if self._ours:
            own = document.setdefault("components", {})
            own.setdefault("headers", {}).update(parts.ANSWER_HEADERS)
            own.setdefault("parameters", {}).update(parts.PARAMETERS)
        self._name_plainly(document)
        used = _reached({**document, "components": {}}, self._schemas)
        unused = {*self._sources, *_OWN} - used
        kept = {name: schema for name, schema in self._schemas.items() if name not in unused}
        if kept:
            _title_apart(kept)
            document.setdefault("components", {})["schemas"] = kept

    def _written_out(self, value: Any) -> Any:
        if isinstance(value, dict):
            said = value.get(MEMBER)
            if isinstance(said, dict) and "components" in said:
                return self._written_out(self.take(said["schema"], said))
            return {key: self._written_out(each) for key, each in value.items()}
        return [self._written_out(each) for each in value] if isinstance(value, list) else value

    def _name_plainly(self, document: Schema) -> None:
        """Give models that pydantic named after an Answered[...] inside of them the name without it."""
        for name in [each for each in self._schemas if _ANSWERED.search(each)]:
            plain = _ANSWERED.sub(r"\1", name).strip("_")
            if plain not in self._schemas:
                schema = self._schemas[plain] = self._schemas.pop(name)
                schema["title"] = plain
                old, new = REF.format(name=name), REF.format(name=plain)
                document["paths"] = _renamed(document["paths"], old, new)
                self._schemas.update(_renamed(self._schemas, old, new))

    def _fits(self, name: str, part: Schema) -> bool:
        return name not in self._schemas or self._sources.get(name) == part


def _title_apart(schemas: dict[str, Schema]) -> None:
    """Give components of one title their names as titles: generators of clients name classes by them."""
    shared = Counter(schema.get("title") for schema in schemas.values())
    for name, schema in schemas.items():
        if shared[schema.get("title")] > 1 and "title" in schema:
            schema["title"] = name.strip("_")


def _numbers() -> Iterator[str]:
    yield ""
    yield from map(str, itertools.count(2))


def _led(value: Any, number: str) -> Any:
    """Return a value with its foreign references led to components whose names have this number."""
    if isinstance(value, str) and value.startswith(_FOREIGN):
        return REF.format(name=value.removeprefix(_FOREIGN) + number)
    if isinstance(value, Mapping):
        return {key: _led(each, number) for key, each in value.items()}
    return [_led(each, number) for each in value] if isinstance(value, (list, tuple)) else value


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, old, new) for each in value]
    return new if value == old else value


def _reached(start: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """Return the names of the components that a document refers to, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in _referred(waiting.pop()):
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("#/components/schemas/"):
            yield value.rpartition("/")[2]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _referred(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _referred(each)
