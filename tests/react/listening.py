"""Subscribers of the bank for the tests of reactions: what they heard is kept in lists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from diptych.application import Application
from diptych.model.subscribers import Envelope, Subscriber
from tests.write.domain import Move, Moved, OpenAccount, Opened, bank

NOW = (0.0,)
"""No wait between two attempts."""


@dataclass
class Heard:
    """What handlers were called with, in order."""

    events: list[Any] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)

    @property
    def amounts(self) -> list[int]:
        return [each.amount for each in self.events if isinstance(each, Moved)]


def listening(name: str = "ears", **options: Any) -> tuple[Subscriber, Heard]:
    """Return a subscriber that hears every event of the bank."""
    subscriber, heard = Subscriber(name, **options), Heard()

    @subscriber.on
    async def hear(event: Opened | Moved, envelope: Envelope) -> None:
        heard.events.append(event)
        heard.envelopes.append(envelope)

    return subscriber, heard


def application(*subscribers: Subscriber, **options: Any) -> Application:
    return Application(bank, *subscribers, **options)


async def opened(app: Application, *amounts: int) -> UUID:
    """Open an account and move these amounts."""
    account = (await app.send(OpenAccount(owner="ada"))).unwrap()
    await moved(app, account, *amounts)
    return account


async def moved(app: Application, account: UUID, *amounts: int) -> None:
    for amount in amounts:
        (await app.send(Move(account, amount))).unwrap()


async def until(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds; the test's own timeout ends what never does."""
    while not holds():
        await asyncio.to_thread(lambda: None)


async def failing_at(app: Application, name: str) -> int:
    """Return the event at which a subscriber fails, as soon as that is stored."""
    while (failure := (await app.reactions.bookmarks())[name].failure) is None:
        await asyncio.to_thread(lambda: None)
    return failure.position
