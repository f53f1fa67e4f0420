"""Aggregates, repositories and decision models keep their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, assert_type

from diptych import (
    Aggregate,
    Application,
    Command,
    Decider,
    DecisionModel,
    Module,
    Repository,
    Result,
    Tag,
    decider_of,
    event,
    evolves,
    handles,
)

AccountId = Annotated[str, Tag("account")]


@event("account.opened")
@dataclass(frozen=True, slots=True)
class Opened:
    account: AccountId


@dataclass(frozen=True, slots=True)
class Open(Command[int]):
    account: AccountId


@dataclass(frozen=True, slots=True)
class Copy(Command[str]):
    account: AccountId


@dataclass(frozen=True, slots=True)
class State:
    times: int = 0


class Account(Aggregate[State], tag="account"):
    @handles
    def open(self, command: Open) -> int:
        self.record(Opened(command.account))
        return self.state.times

    @evolves
    def _opened(self, _: Opened) -> State:
        return State(self.state.times + 1)


bank = Module("bank")
assert_type(bank.aggregate(Account), type[Account])
assert_type(decider_of(Account), Decider[State])
assert_type(Account().state, State)


@bank.command
async def copy(command: Copy, accounts: Repository[Account]) -> str:
    account = await accounts.get(command.account)
    assert_type(account, Account)
    assert_type(await accounts.find(command.account), Account | None)
    assert_type(account.open(Open(command.account)), int)
    accounts.add(State())  # type: ignore[arg-type]  # a state is no aggregate
    return command.account


def fold(times: int, _: Opened) -> int:
    return times + 1


assert_type(DecisionModel(fold, initial=int, tag=("account", "bank")), DecisionModel[int])


async def use(app: Application) -> None:
    assert_type(await app.send(Open("a")), Result[int])
