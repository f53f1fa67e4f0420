"""A small domain for tests of the left panel: accounts (one entity) and course subscriptions (two entities at once)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal
from diptych.model.decisions import Decider, DecisionModel
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.module import Module

AccountId = Annotated[UUID, Tag("account")]
CourseId = Annotated[str, Tag("course")]
StudentId = Annotated[str, Tag("student")]


class Overdrawn(Refusal):
    """More was asked for than there is."""


class CourseFull(Refusal):
    """No seat is left."""


@event("account.opened")
@dataclass(frozen=True, slots=True)
class Opened:
    account: AccountId
    owner: str


@event("account.moved")
@dataclass(frozen=True, slots=True)
class Moved:
    account: AccountId
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command[UUID]):
    owner: Annotated[str, NotBlank]
    account: Annotated[AccountId, Generated] = NEW


@dataclass(frozen=True, slots=True)
class Move(Command[int]):
    account: AccountId
    amount: int


@dataclass(frozen=True, slots=True)
class Close(Command[None]):
    account: AccountId


@dataclass(frozen=True, slots=True)
class Account:
    is_open: bool = False
    balance: int = 0


def decide(
    command: OpenAccount | Move | Close, account: Account, context: Context
) -> Generator[Opened | Moved, None, UUID | int | None]:
    match command:
        case OpenAccount(owner=owner, account=account_id):
            yield Opened(account_id, owner)
            return account_id
        case Move(account_id, amount):
            if not account.is_open:
                raise Missing(f"there is no account {account_id}", account=str(account_id))
            if account.balance + amount < 0:
                raise Overdrawn(f"holds {account.balance}, not {-amount}", balance=account.balance)
            if amount:
                yield Moved(account_id, amount)
            return account.balance + amount
        case Close():
            if context.principal != "banker":
                raise NotAllowed("only a banker closes accounts")
            return None


def evolve(account: Account, happened: Opened | Moved) -> Account:
    match happened:
        case Opened():
            return replace(account, is_open=True)
        case Moved(_, amount):
            return replace(account, balance=account.balance + amount)


bank = Module("bank")
bank.decider(Decider(decide, evolve, initial=Account))


@event("course.opened")
@dataclass(frozen=True, slots=True)
class CourseOpened:
    course: CourseId
    seats: int


@event("course.subscribed")
@dataclass(frozen=True, slots=True)
class Subscribed:
    course: CourseId
    student: StudentId


@dataclass(frozen=True, slots=True)
class OpenCourse(Command[None]):
    course: CourseId
    seats: Annotated[int, Bounds(gt=0)]


@dataclass(frozen=True, slots=True)
class Subscribe(Command[None]):
    student: StudentId
    courses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Free:
    is_open: bool = False
    seats: int = 0


def free_seats(free: Free, happened: CourseOpened | Subscribed) -> Free:
    match happened:
        case CourseOpened(_, seats):
            return Free(is_open=True, seats=seats)
        case Subscribed():
            return replace(free, seats=free.seats - 1)


def count_courses(taken: int, _: Subscribed) -> int:
    return taken + 1


seats = DecisionModel(free_seats, initial=Free, tag="course")
load = DecisionModel(count_courses, initial=int, tag="student")
school = Module("school")


@school.decides(course=seats.one(lambda command: command.course))
def open_course(command: OpenCourse, course: Free) -> Iterator[CourseOpened]:
    if not course.is_open:
        yield CourseOpened(command.course, command.seats)


@school.decides(courses=seats.of(lambda command: command.courses), taken=load.one(lambda command: command.student))
def subscribe(command: Subscribe, courses: Mapping[str, Free], taken: int) -> Iterator[Subscribed]:
    unknown = {
        f"courses[{index}]": f"there is no course {course!r}"
        for index, course in enumerate(command.courses)
        if not courses[course].is_open
    }
    if unknown:
        raise FieldErrors(unknown)
    for course in command.courses:
        if courses[course].seats <= 0:
            raise CourseFull(f"{course} has no seat left", course=course)
        if taken >= 10:
            raise Refusal(f"{command.student} takes ten courses already")
        yield Subscribed(course, command.student)
