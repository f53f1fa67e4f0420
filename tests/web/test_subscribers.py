"""Health and metrics tell of subscribers: one that fails makes the application unready."""

from __future__ import annotations

import httpx2

from diptych.model.subscribers import Subscriber
from diptych.web.app import asgi_app
from tests.react.listening import application, failing_at, listening, opened
from tests.write.domain import Moved


def stuck() -> Subscriber:
    subscriber = Subscriber("stuck", backoff=(60,))

    @subscriber.on
    async def refuse(event: Moved) -> None:
        raise ValueError("a secret")

    return subscriber


async def asked(app: object, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=asgi_app(app, hosts=["testserver"]))  # type: ignore[arg-type]  # an Application
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.get(path)


async def test_an_application_whose_subscribers_run_is_ready() -> None:
    ears, _ = listening()
    async with application(ears) as app:
        await opened(app, 1)
        await app.reacted()

        ready = await asked(app, "/health/ready")

    assert ready.status_code == 200
    assert ready.json()["subscribers"] == {"ears": {"status": "running", "position": 2, "lag": 0}}


async def test_an_application_with_a_subscriber_that_fails_is_not_ready() -> None:
    (ears, _), failing = listening(), stuck()
    async with application(ears, failing) as app:
        await opened(app, 1, 2)
        await failing_at(app, "stuck")

        ready = await asked(app, "/health/ready")

    assert ready.status_code == 503
    assert ready.json()["status"] == "unready"
    assert ready.json()["subscribers"]["stuck"] == {
        "status": "failing",
        "position": 1,
        "lag": 2,
        "event": 2,
        "attempts": 1,
    }
    assert "secret" not in ready.text


async def test_metrics_tell_position_lag_and_failure() -> None:
    failing = stuck()
    async with application(failing) as app:
        await opened(app, 1, 2)
        await failing_at(app, "stuck")

        lines = (await asked(app, "/metrics")).text.splitlines()

    for metric, value in (("position", 1), ("lag", 2), ("failing", 1), ("attempts", 1)):
        assert f'diptych_subscriber_{metric}{{subscriber="stuck"}} {value}' in lines


async def test_without_subscribers_nothing_is_told_of_them() -> None:
    async with application() as app:
        assert "subscribers" not in (await asked(app, "/health/ready")).json()
        assert "diptych_subscriber" not in (await asked(app, "/metrics")).text


async def test_a_subscriber_that_another_process_has_yet_to_begin_is_starting() -> None:
    ears, _ = listening()
    async with application(ears, subscribers="off") as app:
        await opened(app)

        ready = await asked(app, "/health/ready")

    assert (ready.status_code, ready.json()["subscribers"]["ears"]["status"]) == (200, "starting")
