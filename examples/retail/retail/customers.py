"""Customers: who they are, and how much they owe."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from diptych import Command, DecisionModel, Module, Refusal, event
from retail.values import ZERO, CustomerId, Money, NewCustomerId, Price, Text


@dataclass(frozen=True, slots=True)
class RegisterCustomer(Command[str]):
    """Enter a customer in the books; without a limit no credit is given."""

    customer: NewCustomerId
    name: Text
    credit_limit: Price = ZERO


@event("customer.registered")
class CustomerRegistered(msgspec.Struct, frozen=True, gc=False):
    """A customer was entered in the books."""

    customer: CustomerId
    name: str
    credit_limit: Money


@event("customer.balance_changed")
class BalanceChanged(msgspec.Struct, frozen=True, gc=False):
    """What a customer owes grew by an amount, or shrank."""

    customer: CustomerId
    delta: Money
    document: str


class CustomerExists(Refusal):
    """The id is taken."""


class CreditLimitExceeded(Refusal):
    """The customer would owe more than the limit."""


@dataclass(frozen=True, slots=True)
class Account:
    """A customer as a document sees them: the limit, or None where there is no such customer."""

    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What a customer owes."""

    owed: Decimal = ZERO


def open_account(_: Account, event: CustomerRegistered) -> Account:
    """Fold the registration."""
    return Account(event.credit_limit)


def owe(balance: Balance, event: BalanceChanged) -> Balance:
    """Fold a change of the balance."""
    return Balance(balance.owed + event.delta)


accounts = DecisionModel(open_account, initial=Account, tag="customer")
balances = DecisionModel(owe, initial=Balance, tag="customer")

customers = Module("customers")


@customers.decides(account=accounts.one(lambda command: command.customer))
def register(command: RegisterCustomer, account: Account) -> Generator[CustomerRegistered, None, str]:
    """Register a customer under an id that is free."""
    if account.limit is not None:
        raise CustomerExists(f"there is a customer {command.customer} already", customer=command.customer)
    yield CustomerRegistered(command.customer, command.name, command.credit_limit)
    return command.customer


def lend(account: Account, balance: Balance, amount: Decimal) -> None:
    """Refuse to lend beyond the limit."""
    limit = account.limit or ZERO
    if amount > 0 and balance.owed + amount > limit:
        raise CreditLimitExceeded(
            f"{balance.owed} owed and {amount} more exceed the limit of {limit}",
            limit=str(limit),
            balance=str(balance.owed),
            asked=str(amount),
        )
