"""The door: who comes in, who does not, how it opens, and that it leaves other routes alone."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from diptych import Application, NotAllowed, WiringError
from diptych.web.app import asgi_app
from diptych.web.fastapi import Answered, Asking, Door, Endpoint, Sending, or_404
from tests.web.fastapi.calling import NOBODY, client_of, told
from tests.web.fastapi.desk import api_of
from tests.web.fastapi.lending import BookView, BuyBook, GetBook

BUY = {"title": "Emma", "price": "3.50"}
USERS = {"5ec2e7": "anna"}
bearer = HTTPBearer(auto_error=False)


async def user(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
    """A dependency of the user's own, with one of FastAPI's underneath."""
    if shown is None:
        raise HTTPException(401, "show a token")
    if shown.credentials not in USERS:
        raise NotAllowed("this token is not known")
    return USERS[shown.credentials]


async def test_on_this_machine_a_header_names_the_principal(
    client: httpx2.AsyncClient, application: Application
) -> None:
    key = {"idempotency-key": "k", "x-diptych-user": "anna"}
    mine = await client.post("/desk/books", json=BUY, headers=key)
    theirs = await client.post("/desk/books", json=BUY, headers={**key, "x-diptych-user": "bert"})

    assert mine.json() != theirs.json()  # the principal is the scope of the key


async def test_without_a_principal_no_other_machine_is_served(application: Application, api: FastAPI) -> None:
    async with application, client_of(api, address="192.0.2.7") as client:
        answers = [await client.post("/desk/books", json=BUY), await client.get(f"/v1/books/{NOBODY}")]
        untouched = await client.get("/desk/ping")

    assert [told(answer) for answer in answers] == [(403, "/problems/forbidden")] * 2
    assert untouched.json() == "pong"


async def test_another_host_and_a_page_of_another_origin_are_refused(application: Application, api: FastAPI) -> None:
    async with application, client_of(api, base_url="http://evil.example") as client:
        assert told(await client.post("/desk/books", json=BUY)) == (421, "/problems/misdirected")
    async with application, client_of(api) as client:
        foreign = {"origin": "https://evil.example"}
        assert told(await client.post("/v1/books", json=BUY, headers=foreign)) == (403, "/problems/forbidden")


@pytest.fixture
def guarded(application: Application) -> FastAPI:
    api, door = FastAPI(), Door(application, principal=user, hosts=["library.example"])
    door.install(api)
    api.include_router(door.router(BuyBook, Endpoint(GetBook, "/books/{book}")))

    @api.get("/me")
    async def me(
        send: Annotated[Sending, Depends(door.sending)], ask: Annotated[Asking, Depends(door.asking)]
    ) -> list[str | None]:
        return [send.principal, ask.principal]

    return api


async def test_a_dependency_says_who_is_asking(application: Application, guarded: FastAPI) -> None:
    async with application, client_of(guarded, base_url="http://library.example", address="192.0.2.7") as client:
        nobody = await client.post("/buy-book", json=BUY)
        unknown = await client.get("/me", headers={"authorization": "Bearer guess"})
        known = await client.get("/me", headers={"authorization": "Bearer 5ec2e7"})
        bought = await client.post("/buy-book", json=BUY, headers={"authorization": "Bearer 5ec2e7"})

    assert nobody.status_code == 401
    assert told(unknown) == (403, "/problems/forbidden")
    assert known.json() == ["anna", "anna"]
    assert bought.status_code == 200


def test_the_security_of_a_dependency_is_documented(guarded: FastAPI) -> None:
    document = guarded.openapi()

    assert document["paths"]["/buy-book"]["post"]["security"] == [{"HTTPBearer": []}]


async def test_a_dependency_is_overridden_in_a_test(application: Application, guarded: FastAPI) -> None:
    guarded.dependency_overrides[user] = lambda: "bert"

    async with application, client_of(guarded, base_url="http://library.example") as client:
        answer = await client.get("/me")

    assert answer.json() == ["bert", "bert"]


async def test_what_sends_is_overridden_in_a_test(application: Application, door: Door, api: FastAPI) -> None:
    class Refusing:
        principal = None

        async def __call__(self, _: object) -> object:
            raise NotAllowed("not today")

    api.dependency_overrides[door.sending] = Refusing

    async with application, client_of(api) as client:
        answer = await client.post("/desk/books", json=BUY)

    assert told(answer) == (403, "/problems/forbidden")


async def test_the_lifespan_opens_and_closes_the_application(
    application: Application, door: Door, api: FastAPI
) -> None:
    async with api.router.lifespan_context(api):
        assert application.is_open
    assert not application.is_open


async def test_the_lifespan_leaves_an_open_application_to_who_opened_it(application: Application, api: FastAPI) -> None:
    async with application:
        async with api.router.lifespan_context(api):
            pass
        assert application.is_open


async def test_lifespans_compose(application: Application, door: Door) -> None:
    happened = []

    @contextlib.asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[dict[str, str]]:
        async with door.lifespan(api):
            happened.append(application.is_open)
            yield {"pool": "mine"}

    api = FastAPI(lifespan=lifespan)
    door.install(api)

    async with api.router.lifespan_context(api) as state:
        assert state == {"pool": "mine"}
    assert happened == [True]


async def test_a_message_before_it_is_open_is_told_so(api: FastAPI) -> None:
    async with client_of(api) as client:
        assert told(await client.post("/desk/books", json=BUY)) == (503, "/problems/closed")


async def test_a_door_that_was_not_installed_is_found_at_start(door: Door) -> None:
    api = FastAPI(lifespan=door.lifespan)

    with pytest.raises(WiringError, match=r"door\.install\(api\)"):
        async with api.router.lifespan_context(api):
            pass


async def test_a_bug_is_a_problem_with_a_reference(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    def broken(handler):
        async def call(message, context):
            raise ZeroDivisionError("secret of the house")

        return call

    failing = Application(*application._wiring.parts, middleware=[broken])
    async with failing, client_of(api_of(Door(failing))) as client:
        answers = [await client.post("/v1/books", json=BUY), await client.get(f"/v1/books/{NOBODY}")]

    for answer in answers:
        assert told(answer) == (500, "/problems/bug")
        assert "secret" not in answer.text
        assert answer.json()["reference"] in caplog.text


async def test_routes_of_other_kinds_stay_as_they_are(application: Application, door: Door) -> None:
    api = FastAPI()
    before = api.openapi()["paths"]

    @api.get("/old/{number}")
    async def old(number: int) -> int:
        if number == 7:
            raise HTTPException(418, "short and stout")
        return number

    plain = FastAPI()
    plain.get("/old/{number}")(old)
    door.install(api)

    async with client_of(api) as client:
        wrong, teapot = await client.get("/old/x"), await client.get("/old/7")

    assert before == {}
    assert (wrong.status_code, list(wrong.json())) == (422, ["detail"])
    assert (teapot.status_code, teapot.json()) == (418, {"detail": "short and stout"})
    assert api.openapi()["paths"] == plain.openapi()["paths"]
    assert api.openapi()["components"] == plain.openapi()["components"]


async def test_two_doors_of_one_api_tell_their_own_positions(application: Application) -> None:
    other = Application(*application._wiring.parts)
    api, first, second = FastAPI(), Door(application), Door(other, statuses={"not-found": 410})
    for name, door in (("first", first), ("second", second)):
        door.install(api)
        endpoints = [Endpoint(cls, operation_id=f"{name}{cls.__name__}") for cls in (BuyBook, GetBook)]
        api.include_router(door.router(*endpoints), prefix=f"/{name}")

        @api.get(f"/own/{name}", operation_id=name)
        async def own(ask: Annotated[Asking, Depends(door.asking)]) -> Answered[BookView]:
            return or_404(await ask(GetBook(NOBODY)))

    async with application, other, client_of(api) as client:
        bought = [await client.post("/first/buy-book", json=BUY) for _ in range(2)]
        elsewhere = await client.post("/second/buy-book", json=BUY)
        missing = [await client.get(f"/own/{name}") for name in ("first", "second")]

    assert [answer.headers["diptych-position"] for answer in (*bought, elsewhere)] == ["1", "2", "1"]
    assert [told(answer)[0] for answer in missing] == [404, 410]


async def test_our_own_face_is_mounted_beside(application: Application, api: FastAPI) -> None:
    api.mount("/diptych", asgi_app(application))

    async with application, client_of(api) as client:
        bought = await client.post("/v1/books", json=BUY)
        after = {"diptych-after": bought.headers["diptych-position"]}
        found = await client.get("/diptych/queries/FindBooks", headers=after)

    assert found.json()["total"] == 1


@pytest.mark.parametrize("found", [7, b"anna", object()])
async def test_a_dependency_that_returns_no_name_is_a_bug_that_says_so(
    application: Application, found: object, caplog: pytest.LogCaptureFixture
) -> None:
    api, door = FastAPI(), Door(application, principal=lambda: found)
    door.install(api)
    api.include_router(door.router(BuyBook))

    async with application, client_of(api) as client:
        assert told(await client.post("/buy-book", json=BUY)) == (500, "/problems/bug")

    assert f"the principal hook returned a {type(found).__name__}" in caplog.text
