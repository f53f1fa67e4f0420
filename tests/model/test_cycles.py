"""Messages whose records hold others of their own type: trees are checked to their leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel

from diptych.application import Application
from diptych.model.cycles import is_cyclic
from diptych.model.marks import Scale
from diptych.model.messages import Command
from diptych.model.results import Accepted, Invalid
from diptych.module import Module


@dataclass(frozen=True)
class Category:
    name: str
    share: Annotated[Decimal, Scale(2)] = Decimal(0)
    parts: tuple[Category, ...] = ()


@dataclass(frozen=True)
class Person:
    name: str
    pets: dict[str, Pet] | None = None


@dataclass(frozen=True)
class Pet:
    born: datetime
    owner: Person | None = None


class Node(BaseModel):
    value: float
    children: list[Node] = []


@dataclass(frozen=True)
class Note:
    text: str
    answer: Note | None = None


@dataclass(frozen=True)
class Arrange(Command[Category]):
    root: Category


class Grow(BaseModel, Command[Node]):
    root: Node


@dataclass(frozen=True)
class Adopt(Command[None]):
    person: Person


@dataclass(frozen=True)
class Keep(Command[Note]):
    note: Note


trees = Module("trees")


@trees.command
async def arrange(command: Arrange) -> Category:
    return command.root


@trees.command
async def grow(command: Grow) -> Node:
    return command.root


@trees.command
async def adopt(command: Adopt) -> None: ...


@trees.command
async def keep(command: Keep) -> Note:
    return command.note


def test_a_type_is_cyclic_when_it_leads_back_to_itself() -> None:
    assert [is_cyclic(each) for each in (Category, Person, Pet, Node, Note, Arrange, Adopt)] == [True] * 5 + [False] * 2


async def test_a_tree_is_sent_and_answered_whole() -> None:
    tree = Category("all", parts=(Category("books", Decimal("0.25"), (Category("novels"),)), Category("toys")))
    async with Application(trees) as app:
        assert (await app.send(Arrange(tree), key="k")).unwrap() == tree
        again = await app.send(Arrange(tree), key="k")
        assert isinstance(again, Accepted)
        assert again.unwrap() == tree
        assert (await app.send(Grow(root=Node(value=1, children=[Node(value=2)])))).unwrap().children[0].value == 2
        assert (await app.send(Keep(Note("a", Note("b"))))).unwrap() == Note("a", Note("b"))


async def test_what_is_wrong_with_a_leaf_is_told_with_its_path() -> None:
    async with Application(trees) as app:
        wrong = await app.send(Arrange(Category("all", parts=(Category("books", Decimal("0.125")),))))
        lost = await app.send(Adopt(Person("ada", {"rex": Pet(datetime(2026, 1, 1))})))  # noqa: DTZ001 (the mistake)
        infinite = await app.send(Grow(root=Node(value=1, children=[Node(value=float("inf"))])))
        read = await app.receive("Arrange", b'{"root":{"name":"all","parts":[{"name":"books","share":"0.125"}]}}')

    assert isinstance(wrong, Invalid)
    assert [*wrong.errors] == ["root.parts[0].share"]
    assert isinstance(lost, Invalid)
    assert [*lost.errors] == ["person.pets[rex].born"]
    assert isinstance(infinite, Invalid)
    assert [*infinite.errors] == ["root.children[0].value"]
    assert isinstance(read, Invalid)
    assert read.errors == wrong.errors
