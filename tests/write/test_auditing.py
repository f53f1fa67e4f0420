"""Whatever is sent and not accepted is noted: who, what, when, what became of it, and why; nothing else is."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest

from diptych import (
    Application,
    Audit,
    Command,
    Conflict,
    Context,
    FieldErrors,
    Handler,
    KeyReusedError,
    MalformedError,
    Missing,
    Module,
    NotAllowed,
    NotBlank,
    OutcomeUnknownError,
    ReactionError,
    Refusal,
    SentCommand,
    StoreError,
    Subscriber,
    Tag,
    WiringError,
    event,
)
from diptych.ports import Trail
from diptych.stores.memory_audit import MemoryAuditTrail
from diptych.testing import FixedClock
from tests.write.domain import Move, OpenAccount, bank


class Full(Refusal):
    pass


@event("seat.taken")
@dataclass(frozen=True)
class Taken:
    seat: Annotated[str, Tag("seat")]


@dataclass(frozen=True)
class Take(Command[None]):
    seat: Annotated[str, NotBlank]


@dataclass(frozen=True)
class Wait(Command[None]):
    pass


module = Module("seats")
wrong: dict[str, Exception] = {
    "full": Full("no seat"),
    "missing": Missing("no such seat"),
    "mine": NotAllowed("not yours"),
    "field": FieldErrors({"seat": "is odd"}),
    "bug": ZeroDivisionError("by zero"),
    "lost": OutcomeUnknownError(UUID(int=5), "the commit failed"),
}


@module.decides()
def take(command: Take) -> Iterator[Taken]:
    if command.seat in wrong:
        raise wrong[command.seat]
    yield Taken(command.seat)


@module.command
async def wait(command: Wait) -> None:
    await asyncio.Event().wait()


async def listed(app: Application, **chosen: Any) -> list[SentCommand]:
    await app.audit.written()
    return list((await app.audit.page(**chosen)).commands)


@pytest.mark.parametrize(
    ("seat", "outcome", "reason"),
    [
        ("full", "refused", "full: no seat"),
        ("missing", "not_found", "no such seat"),
        ("mine", "forbidden", "not yours"),
        ("field", "invalid", "seat: is odd"),
        ("bug", "failed", "ZeroDivisionError: by zero"),
        (" ", "invalid", "seat: must not be blank"),
    ],
)
async def test_what_is_not_accepted_is_noted_with_its_outcome_and_reason(seat: str, outcome: str, reason: str) -> None:
    clock = FixedClock()
    async with Application(module, clock=clock) as app:
        told = {"principal": "ann", "correlation": UUID(int=1), "causation": UUID(int=2)}
        await asyncio.gather(app.send(Take(seat), **told), return_exceptions=True)  # type: ignore[arg-type]  # as given
        (sent,) = await listed(app)

        assert (sent.name, sent.outcome, sent.reason, sent.principal) == ("Take", outcome, reason, "ann")
        assert (sent.at, sent.seconds, sent.position) == (clock.now(), 0.0, None)
        assert (sent.correlation, sent.causation) == (UUID(int=1), UUID(int=2))


async def test_the_outcome_that_nobody_knows_is_noted_as_unknown() -> None:
    async with Application(module) as app:
        with pytest.raises(OutcomeUnknownError):
            await app.send(Take("lost"))

        assert [each.outcome for each in await listed(app)] == ["unknown"]


async def test_what_came_over_the_wire_and_is_no_command_is_noted_as_invalid() -> None:
    async with Application(module) as app:
        await app.receive("Take", b'{"seat": 1}', principal="ann")
        with pytest.raises(MalformedError):
            await app.receive("Take", b"{", key="k")

        assert [(each.name, each.outcome, each.principal) for each in await listed(app)] == [
            ("Take", "invalid", None),
            ("Take", "invalid", "ann"),
        ]


async def test_the_id_is_that_which_the_handler_saw() -> None:
    seen: list[UUID] = []

    def watch(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            seen.append(context.command_id)
            return await handler(message, context)

        return call

    async with Application(module, middleware=[watch]) as app:
        await app.send(Take("full"))
        (sent,) = await listed(app)

        assert [sent.command_id] == seen
        assert list(await app.audit.of(seen[0])) == [sent]


async def test_a_middleware_that_refuses_is_noted_as_its_refusal() -> None:
    def closed(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            raise NotAllowed("closed")

        return call

    async with Application(module, middleware=[closed]) as app:
        with pytest.raises(NotAllowed):
            await app.send(Take("a"))

        assert [(each.outcome, each.reason) for each in await listed(app)] == [("forbidden", "closed")]


async def test_a_conflict_is_noted() -> None:
    async with Application(bank) as app:
        opened = await app.send(OpenAccount(owner="ann"))
        await app.send(Move(opened.unwrap(), 5))
        result = await app.send(Move(opened.unwrap(), 5), expected=1)

        assert isinstance(result, Conflict)
        assert (await listed(app))[0].outcome == "conflict"


async def test_accepted_commands_are_listed_from_their_records_and_not_noted() -> None:
    async with Application(module) as app:
        accepted = await app.send(Take("a"), key="k", principal="ann")
        replayed = await app.send(Take("a"), key="k", principal="ann")
        (sent,) = await listed(app)

        assert replayed == accepted
        assert (sent.outcome, sent.position, sent.principal) == ("accepted", 1, "ann")
        assert await app.audit.trail() == Trail(0, 0)


async def test_a_reused_key_is_noted_beside_what_was_accepted_under_it() -> None:
    async with Application(module) as app:
        accepted = await app.send(Take("a"), key="k")
        with pytest.raises(KeyReusedError):
            await app.send(Take("b"), key="k")
        reused, first = await listed(app)

        assert (reused.outcome, first.outcome) == ("key_reused", "accepted")
        assert reused.command_id == first.command_id == accepted.command_id  # type: ignore[union-attr]  # it is accepted


async def test_a_command_that_is_only_tried_is_not_noted() -> None:
    async with Application(module) as app:
        for seat in ("a", "full", " "):
            await app.try_(Take(seat))

        assert await listed(app) == []


async def test_a_command_that_was_cancelled_and_took_effect_is_told_as_accepted(tmp_path: Path) -> None:
    async with Application(module, events=f"sqlite:///{tmp_path}/seats.db") as app:
        sending = asyncio.create_task(app.send(Take("a")))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert sending.cancelled()
        assert await app.store.wait(0, 5) == 1

        (sent,) = await listed(app)
        assert (sent.outcome, await app.audit.trail()) == ("accepted", Trail(1, 0))
        assert [each.outcome for each in await app.audit.of(sent.command_id)] == ["accepted"]


async def test_a_subscriber_that_fails_in_line_makes_no_command_fail() -> None:
    late = Subscriber("late")

    @late.on
    def fail(event: Taken) -> None:
        raise ZeroDivisionError

    async with Application(module, late, subscribers="inline") as app:
        with pytest.raises(ReactionError):
            await app.send(Take("a"))

        assert [each.outcome for each in await listed(app)] == ["accepted"]
        assert await app.audit.trail() == Trail(0, 0)


async def test_a_command_that_was_cancelled_is_noted() -> None:
    async with Application(module) as app:
        sending = asyncio.create_task(app.send(Wait()))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

        assert [each.outcome for each in await listed(app)] == ["cancelled"]


async def test_content_is_kept_only_as_the_application_says() -> None:
    async with Application(module) as app:
        await app.send(Take("full"))
        assert (await listed(app))[0].content is None

    kept = Audit(content=lambda command: {"seat": command.seat})
    async with Application(module, audit=kept) as app:
        await app.send(Take("full"))
        await app.send(Take("  "))
        assert [each.content for each in await listed(app)] == [{"seat": "  "}, {"seat": "full"}]


async def test_content_that_is_too_long_is_not_kept() -> None:
    long = Audit(content=lambda command: command.seat * 5001)
    async with Application(module, audit=long) as app:
        await app.send(Take("  "))

        assert [each.content for each in await listed(app)] == [{"not_kept": "10004 bytes, and at most 10000 are"}]


async def test_content_that_cannot_be_told_takes_nothing_from_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with Application(module, audit=Audit(content=lambda command: command.nothing)) as app:
        assert (await app.send(Take("full"))).status == "refused"

        assert (await listed(app))[0].content is None
        assert "what is kept of Take" in caplog.text


async def test_no_trail_is_kept_when_none_is_wanted() -> None:
    async with Application(module, audit=None) as app:
        await app.send(Take("full"))
        await app.send(Take("a"))

        assert [each.outcome for each in await listed(app)] == ["accepted"]


@pytest.mark.parametrize("numbers", [{"keep": 0}, {"days": -1}, {"queue": 0}, {"days": float("inf")}])
def test_an_audit_that_keeps_nothing_is_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(WiringError, match="an audit keeps a number of commands"):
        Audit(**numbers)


async def test_texts_that_no_store_keeps_are_noted_all_the_same(tmp_path: Path) -> None:
    wrong["odd"] = Full("nul \0 and \ud800" + "x" * 1000)
    async with Application(module, events=f"sqlite:///{tmp_path}/seats.db") as app:
        await app.send(Take("odd"), principal="eve \udcff")
        (sent,) = await listed(app)

        assert sent.reason is not None
        assert sent.reason.startswith("full: nul \\x00 and \\ud800xxx")
        assert (len(sent.reason) < 600, sent.principal) == (True, "eve \\udcff")


async def test_an_old_one_is_forgotten() -> None:
    clock = FixedClock()
    async with Application(module, clock=clock, audit=Audit(days=2)) as app:
        await app.send(Take("full"))
        await app.audit.written()
        clock.advance(timedelta(days=3))
        await app.send(Take("missing"))

        assert [each.outcome for each in await listed(app)] == ["not_found"]


class Ill(MemoryAuditTrail):
    """A trail whose disk is full as long as it is ill."""

    ill = True
    tried = 0

    async def add(self, attempts: Any, **settings: Any) -> None:
        self.tried += 1
        if self.ill:
            raise StoreError("the disk is full")
        await super().add(attempts, **settings)


async def test_what_finds_no_room_is_dropped_and_counted_and_what_waits_is_written_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trail = Ill()
    monkeypatch.setattr("diptych.application.assembly.audit_beside", lambda _: trail)
    monkeypatch.setattr("diptych.write.noting.PAUSE", 0.0)
    monkeypatch.setattr("diptych.write.noting._AGAIN", 0.001)
    async with Application(module, audit=Audit(queue=3)) as app:
        for _ in range(5):
            await app.send(Take("full"))
        assert (app.audit.waiting, app.audit.dropped) == (3, 2)
        trail.ill = False
        await app.audit.written()

        assert await app.audit.trail() == Trail(3, 2)
        assert len([each for each in caplog.records if "does not keep up" in each.message]) == 1


async def test_the_end_loses_and_tells_what_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("diptych.application.assembly.audit_beside", lambda _: Ill())
    async with Application(module) as app:
        for _ in range(4):
            await app.send(Take("full"))

    assert app.audit.dropped == 4
    assert "4 commands that were not accepted are lost" in caplog.text


async def test_the_end_writes_what_waits_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/seats.db"
    async with Application(module, events=url) as app:
        for _ in range(2_500):
            await app.send(Take("full"))

    async with Application(module, events=url) as app:
        assert await app.audit.trail() == Trail(2_500, 0)


async def test_a_bug_in_the_trail_costs_its_batch_and_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(MemoryAuditTrail):
        async def add(self, attempts: Any, **settings: Any) -> None:
            if any(each.outcome == "failed" for each in attempts):
                raise ZeroDivisionError
            await super().add(attempts, **settings)

    monkeypatch.setattr("diptych.application.assembly.audit_beside", lambda _: Broken())
    async with Application(module) as app:
        await asyncio.gather(app.send(Take("bug")), return_exceptions=True)
        await app.audit.written()
        await app.send(Take("full"))

        assert [each.outcome for each in await listed(app)] == ["refused"]
        assert await app.audit.trail() == Trail(1, 1)
        assert caplog.records[-1].levelno == logging.ERROR
