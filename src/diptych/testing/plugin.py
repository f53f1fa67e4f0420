"""The pytest plugin: the fixture `application`, which opens applications in memory and closes them after the test.

Pytest finds it where Diptych is installed. Async tests need a plugin that runs them: pytest-asyncio in mode `auto`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from diptych.application import Application
from diptych.testing.clock import FixedClock
from diptych.testing.ids import SequentialIds
from diptych.wiring import Part

OpenApplication = Callable[..., Awaitable[Application]]
"""Open an application: `app = await application(catalog, views, provide=[...])`; the arguments are `Application`'s."""


@pytest.fixture
async def application() -> AsyncIterator[OpenApplication]:
    """Open applications in memory, at a fixed time and with counted ids; close them after the test, the last first.

    Every argument of `Application` may be given: `clock=FixedClock(...)` to move the time, `events="sqlite:///..."`.
    """
    async with AsyncExitStack() as stack:

        async def opened(*parts: Part, **settings: Any) -> Application:
            obedient: dict[str, Any] = {"clock": FixedClock(), "ids": SequentialIds()}
            return await stack.enter_async_context(Application(*parts, **(obedient | settings)))

        yield opened
