"""A specification lets a subscriber handle given events, without a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest

from diptych.errors import WiringError
from diptych.model.meta import Meta
from diptych.model.subscribers import Envelope, Subscriber
from diptych.read.rows import Rows
from diptych.testing import NOON, Recorded, Scenario, given
from tests.write.domain import Moved, Opened

ADA, BOB = UUID(int=1), UUID(int=2)


@dataclass
class Mailer:
    sent: list[str] = field(default_factory=list)
    seen: list[tuple[int, str, str | None]] = field(default_factory=list)


@pytest.fixture
def mail() -> Subscriber:
    mail = Subscriber("mail")

    @mail.on
    async def welcome(event: Opened, mailer: Mailer) -> None:
        mailer.sent.append(event.owner)

    @mail.on
    def note(event: Opened, envelope: Envelope, meta: Meta, mailer: Mailer) -> None:
        assert (envelope.recorded_at, envelope.attempt) == (NOON, 1)
        mailer.seen.append((meta.position, envelope.name, envelope.actor))

    return mail


def test_handlers_are_called_with_the_events_that_concern_them(mail: Subscriber) -> None:
    mailer = Mailer()
    events = (Opened(ADA, "ada"), Moved(ADA, 5), Recorded(Opened(BOB, "bob"), actor="ann"))

    Scenario(mail, provide=[mailer]).given(*events).handled_by(mail)

    assert mailer.sent == ["ada", "bob"]
    assert mailer.seen == [(1, "account.opened", None), (3, "account.opened", "ann")]


def test_what_a_handler_raises_comes_out(mail: Subscriber) -> None:
    @mail.on
    def refuse(event: Moved) -> None:
        raise ValueError("no mail today")

    with pytest.raises(ValueError, match="no mail today"):
        given(Moved(ADA, 1), parts=[mail]).handled_by(mail, provide=[Mailer()])


def test_a_handler_that_reads_rows_is_refused(mail: Subscriber) -> None:
    @mail.on
    async def look(event: Moved, rows: Rows[Mailer]) -> None: ...

    with pytest.raises(WiringError, match=r"look takes rows as its 'rows'(.|\n)*subscribers=\"inline\""):
        given(Moved(ADA, 1), parts=[mail]).handled_by(mail, provide=[Mailer()])
