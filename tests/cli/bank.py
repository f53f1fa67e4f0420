"""The application of these tests, copied into a folder of its own for each."""

from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from diptych import (
    Application,
    Bounds,
    Command,
    Context,
    Decider,
    FieldErrors,
    Missing,
    Module,
    NotAllowed,
    NotBlank,
    Page,
    Projection,
    Query,
    Refusal,
    Rows,
    Scale,
    Tag,
    event,
)

Account = Annotated[str, Tag("account")]
Money = Annotated[Decimal, Scale(2)]


@event("account.opened")
@dataclass(frozen=True)
class Opened:
    account: Account
    owner: str
    labels: tuple[str, ...] = ()
    active: bool = True


@event("account.paid_in")
@dataclass(frozen=True)
class PaidIn:
    account: Account
    amount: Money


@dataclass(frozen=True)
class Open(Command[str]):
    account: Annotated[str, Tag("account"), NotBlank]
    owner: Annotated[str, NotBlank]
    labels: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True)
class PayIn(Command[Decimal]):
    account: Account
    amount: Annotated[Decimal, Scale(2)]
    times: Annotated[int, Bounds(ge=1)] = 1


@dataclass(frozen=True)
class Balance:
    opened: bool = False
    amount: Decimal = Decimal(0)


class AlreadyOpen(Refusal):
    pass


def evolve(balance: Balance, event: Opened | PaidIn) -> Balance:
    match event:
        case Opened():
            return Balance(opened=True)
        case PaidIn():
            return Balance(True, balance.amount + event.amount)


def decide(command: Open | PayIn, balance: Balance, context: Context) -> Generator[Opened | PaidIn, None, object]:
    match command:
        case Open():
            if context.principal == "mallory":
                raise NotAllowed("mallory may not open accounts")
            if balance.opened:
                raise AlreadyOpen("it is open", account=command.account)
            yield Opened(command.account, command.owner, command.labels, command.active)
            return command.account
        case PayIn():
            if not balance.opened:
                raise Missing(f"no account {command.account}")
            if command.amount > 1_000:
                raise FieldErrors({"amount": "is over the limit"})
            for _ in range(command.times):
                yield PaidIn(command.account, command.amount)
            return balance.amount + command.amount * command.times


@dataclass(frozen=True)
class AccountView:
    account: str
    owner: str
    amount: Annotated[Decimal, Scale(2)]


accounts = Module("accounts")
accounts.decider(Decider(decide, evolve, initial=Balance))
listing = Projection("listing")
views = listing.read_model(AccountView, key="account")


@views.on
def opened(_: AccountView | None, event: Opened) -> AccountView:
    return AccountView(event.account, event.owner, Decimal(0))


@views.on
def paid(row: AccountView, event: PaidIn) -> AccountView:
    return AccountView(row.account, row.owner, row.amount + event.amount)


@dataclass(frozen=True)
class GetAccount(Query[AccountView | None]):
    account: str


@dataclass(frozen=True)
class FindAccounts(Query[Page[AccountView]]):
    owners: tuple[str, ...] = ()
    limit: int = 10


@accounts.query
async def get(query: GetAccount, rows: Rows[AccountView]) -> AccountView | None:
    return await rows.get(query.account)


@accounts.query
async def find(query: FindAccounts, rows: Rows[AccountView]) -> Page[AccountView]:
    return await rows.find(limit=query.limit)


def app() -> Application:
    return Application(accounts, listing, events="sqlite:///bank.db")


memory = Application(accounts, listing)
number = 5
