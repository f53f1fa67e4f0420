"""What `send` promises, on every store that runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest

from diptych.application import Application
from diptych.errors import InvalidMessageError, KeyReusedError, UnknownMessageError
from diptych.model.criteria import Criteria
from diptych.model.decisions import Decider
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.model.results import Accepted, Conflict, Forbidden, Invalid, NotFound, Refused
from diptych.module import Module
from diptych.write.deciding import Decided, Deciding
from tests.write.domain import Close, Move, Moved, OpenAccount, OpenCourse, Subscribe, bank, school


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/log.db"
    async with Application(bank, school, events=url) as opened:
        yield opened


async def opened_account(app: Application, balance: int = 0) -> UUID:
    account = (await app.send(OpenAccount(owner="ada"))).unwrap()
    if balance:
        (await app.send(Move(account, balance))).unwrap()
    return account


async def test_an_accepted_command_returns_its_value_and_the_position_of_its_last_event(app: Application) -> None:
    account = await opened_account(app)

    result = await app.send(Move(account, 5))

    assert isinstance(result, Accepted)
    assert (result.value, result.position) == (5, 2)
    assert await app.head() == 2


async def test_an_absent_id_is_generated_and_the_same_for_a_retry(app: Application) -> None:
    first = await app.send(OpenAccount(owner="ada"), key="k")

    again = await app.send(OpenAccount(owner="ada"), key="k")

    assert first == again
    assert isinstance(again, Accepted)
    assert again.replayed
    assert await app.head() == 1


async def test_a_key_that_comes_back_with_another_request_is_an_error_and_does_nothing(app: Application) -> None:
    await app.send(OpenAccount(owner="ada"), key="k")

    with pytest.raises(KeyReusedError):
        await app.send(OpenAccount(owner="bob"), key="k")

    assert await app.head() == 1


async def test_the_same_key_of_two_principals_is_two_commands(app: Application) -> None:
    first = await app.send(OpenAccount(owner="ada"), key="k", principal="a")

    second = await app.send(OpenAccount(owner="ada"), key="k", principal="b")

    assert first.unwrap() != second.unwrap()


async def test_one_key_sent_twenty_times_at_once_has_one_effect_and_equal_answers(app: Application) -> None:
    account = await opened_account(app, balance=10)

    results = await asyncio.gather(*[app.send(Move(account, -10), key="once") for _ in range(20)])

    assert {result.unwrap() for result in results} == {0}
    assert {result.position for result in results} == {3}
    assert await app.head() == 3


async def test_a_refusal_carries_code_message_and_data_and_leaves_no_record(app: Application) -> None:
    account = await opened_account(app, balance=3)

    refused = await app.send(Move(account, -5), key="later")
    await app.send(Move(account, 10))
    judged_again = await app.send(Move(account, -5), key="later")

    assert refused == Refused("overdrawn", "holds 3, not 5", {"balance": 3}, 2)
    assert judged_again.unwrap() == 8


async def test_what_a_command_names_and_is_not_there_is_not_found(app: Application) -> None:
    result = await app.send(Move(uuid4(), 1))

    assert isinstance(result, NotFound)
    assert await app.head() == 0


async def test_what_the_principal_may_not_do_is_forbidden(app: Application) -> None:
    account = await opened_account(app)

    assert isinstance(await app.send(Close(account), principal="thief"), Forbidden)
    assert (await app.send(Close(account), principal="banker")).is_success


async def test_an_accepted_command_without_events_is_recorded_with_the_head_that_it_read(app: Application) -> None:
    account = await opened_account(app, balance=1)

    result = await app.send(Move(account, 0), key="nothing")

    assert isinstance(result, Accepted)
    assert result.position == 2
    record = await app.outcome(result.command_id)
    assert record is not None
    assert record.answer == b"1"


async def test_a_wrong_shape_reports_every_field_and_is_never_decided(app: Application) -> None:
    blank = await app.send(OpenAccount(owner=" "))
    wrong = await app.send(Move("no id", "no amount"))  # type: ignore[arg-type]  # what is tested

    assert isinstance(blank, Invalid)
    assert set(blank.errors) == {"owner"}
    assert isinstance(wrong, Invalid)
    assert set(wrong.errors) == {"account", "amount"}


async def test_state_errors_come_together_with_their_paths(app: Application) -> None:
    await app.send(OpenCourse("art", 1))

    result = await app.send(Subscribe("ada", ("physics", "art", "music")))

    assert isinstance(result, Invalid)
    assert set(result.errors) == {"courses[0]", "courses[2]"}


async def test_a_decision_over_several_entities_holds_the_rules_of_all_of_them(app: Application) -> None:
    for course in ("art", "music"):
        await app.send(OpenCourse(course, 1))

    both = await app.send(Subscribe("ada", ("art", "music")))
    full = await app.send(Subscribe("bob", ("music",)))

    assert both.is_success
    assert isinstance(full, Refused)
    assert full.code == "course-full"


async def test_many_that_race_for_one_seat_get_exactly_one_yes(app: Application) -> None:
    await app.send(OpenCourse("art", 1))

    results = await asyncio.gather(*[app.send(Subscribe(f"student-{n}", ("art",))) for n in range(16)])

    assert sum(result.is_success for result in results) == 1
    assert {result.status for result in results} == {"accepted", "refused"}


async def test_many_moves_of_one_account_at_once_are_all_counted(app: Application) -> None:
    account = await opened_account(app)

    results = await asyncio.gather(*[app.send(Move(account, 1)) for _ in range(64)])

    assert sorted(result.unwrap() for result in results) == list(range(1, 65))


async def test_an_expected_position_before_the_last_change_is_a_conflict(app: Application) -> None:
    account = await opened_account(app, balance=1)
    seen = await app.head()
    other = await opened_account(app)

    unrelated = await app.send(Move(account, 1), expected=seen)
    late = await app.send(Move(account, 1), expected=seen)
    fresh = await app.send(Move(other, 1), expected=await app.head())

    assert unrelated.is_success
    assert isinstance(late, Conflict)
    assert fresh.is_success


async def test_every_event_says_who_and_which_command_caused_it(app: Application) -> None:
    result = await app.send(OpenAccount(owner="ada"), principal="teller", correlation=UUID(int=7))

    stored = (await app.store.read(Criteria.all())).events[0]
    assert isinstance(result, Accepted)
    assert stored.metadata == (
        f'{{"command":"{result.command_id}","actor":"teller","correlation":"{UUID(int=7)}"}}'.encode()
    )
    assert stored.tags == (f"account:{result.value}",)


async def test_a_cancelled_caller_cancels_nothing(app: Application) -> None:
    account = await opened_account(app)
    sending = asyncio.ensure_future(app.send(Move(account, 7), key="cut"))
    await asyncio.sleep(0)  # its first step goes as far as handing the append over

    sending.cancel()
    await asyncio.wait([sending])

    assert await app.store.wait(1, 5) == 2
    outcome = await app.send(Move(account, 7), key="cut")

    assert isinstance(outcome, Accepted)
    assert (outcome.value, outcome.replayed) == (7, True)
    assert await app.head() == 2


async def test_a_command_that_nobody_handles_is_named(app: Application) -> None:
    class Unheard(Command[None]):
        pass

    with pytest.raises(UnknownMessageError, match="Unheard"):
        await app.send(Unheard())


async def test_a_refusal_decided_on_cached_state_is_confirmed_by_the_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with Application(bank, events=url) as one, Application(bank, events=url, projections="follow") as two:
        account = await opened_account(one, balance=1)
        await two.send(Move(account, 10))

        result = await one.send(Move(account, -11))

        assert result.unwrap() == 0


async def test_losers_of_a_race_decide_a_few_times_each_not_once_for_every_winner(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = 0
    decide = Deciding.decide

    def counted(self: Deciding, *arguments: Any) -> Decided:
        nonlocal decided
        decided += 1
        return decide(self, *arguments)

    account = await opened_account(app)
    monkeypatch.setattr(Deciding, "decide", counted)

    results = await asyncio.gather(*[app.send(Move(account, 1)) for _ in range(200)])

    assert sorted(result.unwrap() for result in results) == list(range(1, 201))
    assert decided <= 3 * 200


async def test_an_expected_result_is_told_to_be_a_position(app: Application) -> None:
    result = await app.send(OpenAccount(owner="ada"))

    with pytest.raises(TypeError, match=r"expected=result\.position"):
        await app.send(OpenAccount(owner="bob"), expected=result)  # type: ignore[arg-type]  # that is the mistake


async def test_a_command_made_in_python_is_decided_on_as_one_that_was_received() -> None:
    got: list[Command[Any]] = []

    def noting(_: Any) -> Any:
        async def note(command: Any, context: Context) -> Any:
            got.append(command)
            return Accepted(1, 0, context.command_id)

        return note

    async with Application(bank, middleware=[noting]) as app:
        await app.send(Move("7c9e6679-7425-40de-944b-e07fc1f90ae7", 1))  # type: ignore[arg-type]  # the mistake
        await app.receive("Move", b'{"account": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "amount": 1}')

    assert got[0] == got[1] == Move(UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7"), 1)


@dataclass(frozen=True)
class Label(Command[None]):
    box: Annotated[str, Tag("box")]


@event("box.labelled")
@dataclass(frozen=True)
class Labelled:
    box: Annotated[str, Tag("box")]
    text: str
    parts: tuple[Moved, ...] = ()


def counted(labels: int, _: Labelled) -> int:
    return labels + 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda box: Labelled(box, 5), r"text: expected `str`, got `int`"),
        (lambda box: Labelled(box, "", (Moved(UUID(int=1), "a"),)), r"parts\[0\].amount: expected `int`, got `str`"),
    ],
)
async def test_an_event_that_nobody_could_read_again_is_not_appended(wrong: Any, told: str) -> None:
    def decide(command: Label, labels: int) -> Iterator[Labelled]:
        yield wrong(command.box)

    module = Module("boxes")
    module.decider(Decider(decide, counted, initial=int))
    async with Application(module) as app:
        with pytest.raises(InvalidMessageError, match=told):
            await app.send(Label("a"))
        assert await app.head() == 0
