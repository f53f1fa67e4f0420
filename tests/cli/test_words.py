"""Messages from the words of a command line."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import click
import pytest

from diptych.cli.messages import body, find, split


@dataclass(frozen=True)
class Line:
    product: str
    quantity: int


@dataclass(frozen=True)
class Everything:
    text: str = ""
    count: int = 0
    share: float = 0.0
    price: Decimal = Decimal(0)
    flag: bool = False
    day: date | None = None
    number: UUID | None = None
    kind: Literal["a", "b"] = "a"
    level: Literal[1, 2] = 1
    tags: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    line: Line | None = None
    lines: tuple[Line, ...] = ()
    sold_at: str = ""


def given(*words: str) -> Any:
    return json.loads(body(Everything, split(["Everything", *words], None)))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--text", "5"), {"text": "5"}),
        (("--text=--dash",), {"text": "--dash"}),
        (("--text", ""), {"text": ""}),
        (("--text", "{not json"), {"text": "{not json"}),
        (("--count", "-3"), {"count": -3}),
        (("--count", "many"), {"count": "many"}),
        (("--share", "0.5"), {"share": 0.5}),
        (("--price", "1.50"), {"price": "1.50"}),
        (("--flag",), {"flag": True}),
        (("--flag", "false"), {"flag": False}),
        (("--flag", "--count", "1"), {"flag": True, "count": 1}),
        (("--day", "2026-01-31"), {"day": "2026-01-31"}),
        (("--kind", "b", "--level", "2"), {"kind": "b", "level": 2}),
        (("--tags", "x", "--tags", "y"), {"tags": ["x", "y"]}),
        (("--tags", '["x","y"]'), {"tags": ["x", "y"]}),
        (("--counts", "1", "--counts", "2"), {"counts": [1, 2]}),
        (("--line", '{"product": "P", "quantity": 2}'), {"line": {"product": "P", "quantity": 2}}),
        (("--lines", '{"product": "P", "quantity": 2}'), {"lines": [{"product": "P", "quantity": 2}]}),
        (("--sold-at", "now"), {"sold_at": "now"}),
    ],
)
def test_a_field_is_read_as_its_type_says(words: tuple[str, ...], wanted: dict[str, Any]) -> None:
    assert given(*words) == wanted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--txt", "x"), "Everything has no field 'txt'; its fields: text, count"),
        (("--text",), "--text needs a value; one that begins with -- is written --text=--"),
        (("--text", "a", "--text", "b"), "--text is given twice"),
        (("--line", "{broken"), "--line is no JSON"),
    ],
)
def test_a_word_that_fits_no_field_is_told(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        given(*words)


def test_the_application_is_the_word_with_a_colon() -> None:
    found = split(["shop:app", "Open", "--text", "a:b"], None)

    assert (found.app, found.name, found.fields) == ("shop:app", "Open", (("text", "a:b"),))


def test_json_is_a_message_or_a_flag() -> None:
    assert split(["Open"], '{"text": "x"}').json == '{"text": "x"}'
    assert split(["--text", "x"], "Open").name == "Open"
    assert split(["Open"], "[]").json == "[]"
    assert split(["Open"], "").json is None


@pytest.mark.parametrize("words", [("A", "B"), ("x:y", "z:y", "A")])
def test_a_message_is_named_once(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="name one message"):
        split(words, None)


def test_without_a_name_those_that_there_are_are_told() -> None:
    with pytest.raises(click.UsageError, match="name a command; the application has: Everything, Open"):
        find(split([], None).name, {"Open": int, "Everything": Everything}, "command")


def test_a_message_comes_as_fields_or_as_json() -> None:
    with pytest.raises(click.UsageError, match="not both"):
        body(Everything, split(["Everything", "--count", "1"], "{}"))


def test_a_mistyped_name_is_guessed() -> None:
    with pytest.raises(click.UsageError, match="no command 'Opne'; did you mean Open"):
        find("Opne", {"Open": Line, "Close": Line}, "command")
    with pytest.raises(click.UsageError, match="it has: Close, Open"):
        find("Zzz", {"Open": Line, "Close": Line}, "command")
    with pytest.raises(click.UsageError, match="Count is a query: diptych ask Count"):
        find("Count", {"Open": Line}, "command", {"Count"})
    with pytest.raises(click.UsageError, match="Open is a command: diptych send Open"):
        find("Open", {"Count": Line}, "query", {"Open"})
