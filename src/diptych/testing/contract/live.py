"""What waits for the log: wake-ups over loops and threads, readers elsewhere, subscriptions."""
# ruff: noqa: S101, PLR2004, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

from diptych.model.criteria import Criteria
from diptych.ports import EventReader, EventStore, StoredEvent
from diptych.subscription import subscribe
from diptych.testing.contract.material import appending, event, given, soon

SHORT = 0.05


async def in_another_thread(store: EventStore, use: Callable[[EventReader], Awaitable[object]]) -> list[object]:
    """Use a reader of the store in a thread with its own loop; return what it returned."""
    found: list[object] = []

    async def reading() -> None:
        async with store.reader() as reader:
            found.append(await use(reader))

    thread = threading.Thread(target=lambda: asyncio.run(reading()))
    thread.start()
    await soon(asyncio.to_thread(thread.join))
    return found


class LiveContract:
    """Whoever waits is woken in time, and a subscription sees each event once and in order."""

    async def test_the_head_is_the_last_position(self, store: EventStore) -> None:
        await given(store, event(), event())

        assert await store.head() == 2

    async def test_a_wait_for_what_is_there_returns_at_once(self, store: EventStore) -> None:
        await given(store, event())

        assert await soon(store.wait(0, 60.0), seconds=5.0) == 1

    async def test_a_wait_ends_when_an_event_comes(self, store: EventStore) -> None:
        waiting = [asyncio.create_task(store.wait(0, 60.0)) for _ in range(3)]
        await asyncio.sleep(0)

        await store.append(appending(event()))

        assert await soon(asyncio.gather(*waiting), seconds=5.0) == [1, 1, 1]

    async def test_a_wait_in_vain_ends_after_its_time(self, store: EventStore) -> None:
        head = await given(store, event())
        started = time.monotonic()

        found = await soon(store.wait(head, SHORT))

        assert found == head
        assert time.monotonic() - started >= SHORT * 0.9

    async def test_a_wait_that_is_cancelled_harms_nobody(self, store: EventStore) -> None:
        given_up = asyncio.create_task(store.wait(0, 60.0))
        waiting = asyncio.create_task(store.wait(0, 60.0))
        await asyncio.sleep(0)
        given_up.cancel()

        await store.append(appending(event()))

        assert await soon(waiting) == 1

    async def test_a_reader_in_another_thread_reads_the_same_log(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"), event("moved", "thing:2"))

        async def use(reader: EventReader) -> object:
            found = await reader.read(Criteria.tagged("thing:2"))
            return [each.position for each in found.events], await reader.head()

        assert await in_another_thread(store, use) == [([2], 2)]

    async def test_an_event_wakes_a_reader_in_another_thread(self, store: EventStore) -> None:
        loop = asyncio.get_running_loop()

        async def use(reader: EventReader) -> object:
            asyncio.run_coroutine_threadsafe(store.append(appending(event())), loop)
            return await reader.wait(0, 60.0)

        assert await in_another_thread(store, use) == [1]

    async def test_every_acknowledged_event_is_seen_from_another_thread(self, store: EventStore) -> None:
        async def use(reader: EventReader) -> object:
            seen: list[int] = []
            while len(seen) < 200:
                after = seen[-1] if seen else 0
                await reader.wait(after, 10.0)
                found = await reader.read(Criteria.typed("moved"), after=after)
                seen += [each.position for each in found.events]
            return seen

        async def write() -> None:
            for n in range(100):
                await store.append(appending(event("moved", f"thing:{n}"), event("moved")))

        (seen,), _ = await asyncio.gather(in_another_thread(store, use), write())
        assert seen == list(range(1, 201))

    async def test_a_subscription_has_no_seam_between_past_and_live(self, store: EventStore) -> None:
        async def write(count: int) -> None:
            for n in range(count):
                await store.append(appending(event("moved", f"thing:{n % 2}"), event("other")))

        await write(30)
        live = asyncio.create_task(write(100))
        seen = await soon(self._subscribed(store, Criteria.typed("moved"), 130))
        await live

        assert [each.position for each in seen] == list(range(1, 261, 2))

    async def test_a_subscription_starts_after_a_position(self, store: EventStore) -> None:
        await given(store, *(event("moved", "thing:1") for _ in range(10)))

        seen = await soon(self._subscribed(store, Criteria.tagged("thing:1"), 3, after=7))

        assert [each.position for each in seen] == [8, 9, 10]

    async def _subscribed(self, store: EventStore, criteria: Criteria, count: int, after: int = 0) -> list[StoredEvent]:
        seen: list[StoredEvent] = []
        async for each in subscribe(store, criteria, after=after, page=7):
            seen.append(each)
            if len(seen) == count:
                break
        return seen
