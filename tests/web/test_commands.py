"""Commands over HTTP: every outcome has its status and its type."""

import asyncio
import logging
from uuid import UUID, uuid4

import httpx2
import pytest

from diptych.application import Application
from diptych.errors import (
    KeyReusedError,
    NotDurableError,
    OutcomeUnknownError,
    PositionError,
    StorageFullError,
    StoreError,
    TurnHeldError,
)
from diptych.model.results import Conflict
from diptych.web.problems import KINDS, problem_of_error, problem_of_result
from tests.web.shop import Weather, added

PRODUCT = {"name": "Lamp", "price": "9.50", "stock": 5}


def told(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert int(answer.headers["diptych-position"]) >= 0
    return answer.status_code, problem["type"]


async def test_an_accepted_command_answers_its_position_and_result(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/commands/AddProduct", json=PRODUCT)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["diptych-position"] == "1"
    assert answer.json()["position"] == 1
    assert UUID(answer.json()["result"])


async def test_what_is_wrong_with_fields_comes_all_at_once(client: httpx2.AsyncClient) -> None:
    body = {"name": " ", "lines": [{"code": "a", "quantity": 1}, {"code": "", "quantity": 0}]}

    answer = await client.post("/commands/AddProduct", json=body)

    assert told(answer) == (422, "/problems/invalid")
    assert set(answer.json()["errors"]) == {"name", "price", "lines[1].code", "lines[1].quantity"}


async def test_a_refusal_tells_its_code_and_data(client: httpx2.AsyncClient) -> None:
    product = await added(client)

    answer = await client.post("/commands/Take", json={"product": product, "quantity": 9})

    assert told(answer) == (409, "/problems/refused/out-of-stock")
    assert answer.json()["detail"] == "5 in stock, 9 asked for"
    assert answer.json()["code"] == "out-of-stock"
    assert answer.json()["data"] == {"available": 5, "asked": 9}
    assert answer.headers["diptych-position"] == "1"


async def test_a_missing_thing_is_not_found(client: httpx2.AsyncClient) -> None:
    product = str(uuid4())

    answer = await client.post("/commands/Take", json={"product": product, "quantity": 1})

    assert told(answer) == (404, "/problems/not-found")
    assert answer.json()["data"] == {"product": product}


@pytest.mark.parametrize(
    ("finding", "status", "kind"), [("forbidden", 403, "/problems/forbidden"), ("fields", 422, "/problems/invalid")]
)
async def test_a_decision_can_forbid_and_report_fields(
    client: httpx2.AsyncClient, finding: str, status: int, kind: str
) -> None:
    answer = await client.post("/commands/Inspect", json={"product": str(uuid4()), "finding": finding})

    assert told(answer) == (status, kind)
    if status == 422:
        assert answer.json()["errors"] == {"product": ["is unknown"], "finding": ["is odd", "is old"]}


async def test_a_bug_answers_a_reference_that_finds_its_traceback_in_the_log(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="diptych.web"):
        answer = await client.post("/commands/Inspect", json={"product": str(uuid4()), "finding": "bug"})

    assert told(answer) == (500, "/problems/bug")
    assert "secret of the house" not in answer.text
    (record,) = caplog.records
    assert answer.json()["reference"] in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_an_unknown_command_is_told_as_such(client: httpx2.AsyncClient) -> None:
    for name in ("Nothing", "", "a/b", "GetProduct", "%00", "..%2fAddProduct"):
        answer = await client.post(f"/commands/{name}", json={})

        assert told(answer) == (404, "/problems/unknown-message")


async def test_only_post_sends_a_command(client: httpx2.AsyncClient) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = await client.request(method, "/commands/AddProduct")

        assert told(answer) == (405, "/problems/method-not-allowed")
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (StorageFullError("no space"), 507, "storage-full"),
        (OutcomeUnknownError(uuid4(), "the answer was lost"), 504, "outcome-unknown"),
        (NotDurableError("the disk lies"), 503, "store"),
        (KeyReusedError("another request"), 422, "key-reused"),
        (TurnHeldError(2.0), 503, "turn-held"),
    ],
)
async def test_what_the_store_cannot_do_has_a_type_of_its_own(
    client: httpx2.AsyncClient, weather: Weather, error: Exception, status: int, kind: str
) -> None:
    weather.error = error

    answer = await client.post("/commands/AddProduct", json=PRODUCT)

    assert told(answer) == (status, f"/problems/{kind}")
    if isinstance(error, OutcomeUnknownError):
        assert answer.json()["command"] == str(error.command_id)


async def test_an_outage_is_logged_with_its_traceback_once_and_then_in_a_line_for_each_request(
    client: httpx2.AsyncClient, weather: Weather, caplog: pytest.LogCaptureFixture
) -> None:
    weather.error = StoreError("no server answers")

    with caplog.at_level(logging.ERROR, logger="diptych.web"):
        for _ in range(3):
            await client.post("/commands/AddProduct", json=PRODUCT)

    line = "POST '/commands/AddProduct': /problems/store: no server answers"
    assert [(each.getMessage(), each.exc_info is None) for each in caplog.records] == [
        (line, False),
        (line, True),
        (line, True),
    ]


async def test_a_key_sent_twenty_times_at_once_has_one_effect_and_equal_answers(
    client: httpx2.AsyncClient, application: Application
) -> None:
    async def send() -> httpx2.Response:
        return await client.post("/commands/AddProduct", json=PRODUCT, headers={"idempotency-key": "till-7:1"})

    answers = await asyncio.gather(*(send() for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await application.head() == 1


async def test_a_key_with_another_body_is_refused(client: httpx2.AsyncClient, application: Application) -> None:
    headers = {"idempotency-key": "till-7:1"}
    first = await client.post("/commands/AddProduct", json=PRODUCT, headers=headers)

    other = await client.post("/commands/AddProduct", json={**PRODUCT, "stock": 6}, headers=headers)
    again = await client.post("/commands/AddProduct", json=PRODUCT, headers={"idempotency-key": '"till-7:1"'})

    assert told(other) == (422, "/problems/key-reused")
    assert again.content == first.content
    assert await application.head() == 1


async def test_two_principals_may_use_one_key(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.post(
            "/commands/AddProduct", json=PRODUCT, headers={"idempotency-key": "1", "x-diptych-user": name}
        )
        for name in ("anna", "bert")
    ]

    assert [answer.json()["position"] for answer in answers] == [1, 2]


async def test_if_match_holds_a_command_back_when_something_changed_after_it(client: httpx2.AsyncClient) -> None:
    product = await added(client)
    other = await added(client, "Desk")
    take = {"product": product, "quantity": 1}
    assert (await client.post("/commands/Take", json=take, headers={"if-match": '"1"'})).status_code == 200

    late = await client.post("/commands/Take", json=take, headers={"if-match": '"2"'})
    elsewhere = await client.post("/commands/Take", json={**take, "product": other}, headers={"if-match": '"2"'})

    assert told(late) == (412, "/problems/changed")
    assert elsewhere.status_code == 200


def test_a_conflict_without_if_match_is_told_as_409() -> None:
    without = problem_of_result(Conflict("five times", 7), conditional=False)
    conditional = problem_of_result(Conflict("after 7", 8), conditional=True)

    assert (without.status, without.type) == (409, "/problems/conflict")
    assert (conditional.status, conditional.type) == (412, "/problems/changed")


def test_every_kind_of_problem_has_a_type_a_status_of_its_own_and_a_title() -> None:
    told_kinds = {kind: (status, title) for kind, (status, title) in KINDS.items()}

    assert all(400 <= status < 600 and title for status, title in told_kinds.values())
    assert len({title for _, title in told_kinds.values()}) == len(told_kinds)
    found = problem_of_error(PositionError(9, 3))
    assert found is not None
    assert (found.status, found.type) == (400, "/problems/beyond-head")
    assert problem_of_error(ZeroDivisionError()) is None
