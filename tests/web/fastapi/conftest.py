"""The library's API in this process, and a client of it."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from diptych import Application
from diptych.web.fastapi import Door
from tests.web.fastapi.calling import client_of
from tests.web.fastapi.desk import api_of
from tests.web.fastapi.desk import application as library_application


@pytest.fixture
def application() -> Application:
    return library_application()


@pytest.fixture
def door(application: Application) -> Door:
    return Door(application)


@pytest.fixture
def api(door: Door) -> FastAPI:
    return api_of(door)


@pytest.fixture
async def client(application: Application, api: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with application, client_of(api) as client:
        yield client
