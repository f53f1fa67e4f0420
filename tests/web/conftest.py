"""An in-memory shop and a client of its HTTP face."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from diptych.application import Application
from tests.web.shop import Weather, client_of, projection, shop


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def application(weather: Weather) -> Application:
    return Application(shop, projection(), middleware=[weather])


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(application) as client:
        yield client
