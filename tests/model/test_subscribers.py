"""A subscriber registers functions by the events that they name, and refuses what nobody could deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diptych.errors import WiringError
from diptych.model.meta import Meta
from diptych.model.subscribers import BACKOFF, Envelope, Subscriber, envelope_of
from tests.write.domain import Moved, Opened

LOG, OTHER = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def one(event: Opened) -> None: ...


async def both(event: Opened | Moved, envelope: Envelope) -> None: ...


def anything(event: Any) -> None: ...


def nothing() -> None: ...


def unsaid(event) -> None: ...  # type: ignore[no-untyped-def]  # that is the mistake


def strange(event: int | str) -> None: ...


def test_events_and_stored_names_are_those_that_handlers_name() -> None:
    mail = Subscriber("mail")
    mail.on(both)
    mail.on("sale.completed", "account.opened")(anything)
    mail.on(one)

    assert mail.events == (Opened, Moved)
    assert mail.names == ("account.moved", "account.opened", "sale.completed")
    assert [each.function for each in mail.reactions] == [both, anything, one]
    assert [sorted(each.names) for each in mail.reactions] == [
        ["account.moved", "account.opened"],
        ["account.opened", "sale.completed"],
        ["account.opened"],
    ]


def test_a_registration_returns_the_function() -> None:
    mail = Subscriber("mail")

    assert mail.on(one) is one
    assert mail.on("sale.completed")(anything) is anything


def test_a_new_subscriber_starts_now_and_waits_ever_longer() -> None:
    mail = Subscriber("mail")

    assert mail.since == "now"
    assert mail.backoff == BACKOFF == tuple(sorted(BACKOFF))


def test_the_waits_grow_and_the_last_one_stays() -> None:
    mail = Subscriber("mail", backoff=(0.5, 2, 30))

    assert [mail.seconds_after(failures) for failures in (1, 2, 3, 4, 100)] == [0.5, 2, 30, 30, 30]


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_the_id_of_an_event_is_its_own_in_its_log(position: int, attempt: int) -> None:
    envelope = envelope_of(LOG, "a.b", 1, Meta(position, NOON), attempt)

    assert envelope.id == envelope_of(LOG, "a.b", 1, Meta(position, NOON, "ann"), 1).id
    assert envelope.id != envelope_of(OTHER, "a.b", 1, Meta(position, NOON), attempt).id
    assert envelope.id != envelope_of(LOG, "a.b", 1, Meta(position + 1, NOON), attempt).id


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("Mail Box", {}, "subscriber 'Mail Box' cannot be kept"),
        ("mail", {"since": "yesterday"}, "starts since 'yesterday'"),
        ("mail", {"backoff": ()}, "has backoff"),
        ("mail", {"backoff": (1, -1)}, "has backoff"),
    ],
)
def test_a_subscriber_that_cannot_be_is_refused_at_once(name: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(WiringError, match=told):
        Subscriber(name, **options)


@pytest.mark.parametrize(
    ("register", "told"),
    [
        (lambda mail: mail.on(), "registers"),
        (lambda mail: mail.on("a.b", one), "registers"),
        (lambda mail: mail.on(5), "registers"),
        (lambda mail: mail.on(nothing), "takes no event"),
        (lambda mail: mail.on("a.b")(nothing), "takes no event"),
        (lambda mail: mail.on(unsaid), "has no type hint"),
        (lambda mail: mail.on(strange), "has no stored name"),
        (lambda mail: mail.on(anything), "takes any event, and does not say which"),
    ],
)
def test_a_handler_that_nothing_could_be_delivered_to_is_refused_at_once(
    register: Callable[[Subscriber], object], told: str
) -> None:
    mail = Subscriber("mail")

    with pytest.raises(WiringError, match=told):
        register(mail)

    assert mail.reactions == []
