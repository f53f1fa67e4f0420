"""What several want at the same time is read at once, and never by a read that began before they came."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from diptych.errors import StoreError
from diptych.stores.postgres.rows_gathering import Gathering


class Reads:
    """Reads that end when they are told to, each with the numbers of the read and of the keys."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, Sequence[Any]]] = []
        self.ends: list[asyncio.Future[None]] = []

    async def read(self, source: str, keys: Sequence[Any]) -> Mapping[Any, Any]:
        self.begun.append((source, keys))
        number = len(self.begun)
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ends.append(end)
        await end
        return dict.fromkeys(keys or ("all",), number)


async def asked(gathering: Gathering[str], source: str, *keys: Any) -> asyncio.Task[Mapping[Any, Any]]:
    task = asyncio.create_task(gathering.of(source, keys))
    await asyncio.sleep(0)
    return task


async def test_who_comes_during_a_read_is_answered_by_the_next_together() -> None:
    reads = Reads()
    gathering = Gathering(reads.read, lanes=1)
    first = await asked(gathering, "a", 1)
    later = [await asked(gathering, "a", 1, 2), await asked(gathering, "a", 3), await asked(gathering, "b")]

    assert reads.begun == [("a", (1,))]
    for end in range(3):
        reads.ends[end].set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert await first == {1: 1}
    assert [await each for each in later] == [{1: 2, 2: 2}, {3: 2}, {"all": 3}]
    assert reads.begun == [("a", (1,)), ("a", (1, 2, 3)), ("b", ())]


async def test_as_many_reads_run_at_once_as_there_are_lanes() -> None:
    reads = Reads()
    gathering = Gathering(reads.read, lanes=2)
    tasks = [await asked(gathering, "a", number) for number in range(4)]

    assert len(reads.begun) == 2
    reads.ends[1].set_result(None)
    await tasks[1]
    await asyncio.sleep(0)
    assert reads.begun[2] == ("a", (2, 3))
    for end in (0, 2):
        reads.ends[end].set_result(None)
    assert [await each for each in tasks] == [{0: 1}, {1: 2}, {2: 3}, {3: 3}]


async def test_a_store_that_fails_is_told_to_all_who_wait_for_it_and_frees_the_lane() -> None:
    reads = Reads()
    gathering = Gathering(reads.read, lanes=1)
    first = await asked(gathering, "a", 1)
    waiting = [await asked(gathering, "a", number) for number in (2, 3)]
    reads.ends[0].set_exception(StoreError("lost"))
    with pytest.raises(StoreError, match="lost"):
        await first
    await asyncio.sleep(0)
    reads.ends[1].set_exception(StoreError("lost again"))

    for each in waiting:
        with pytest.raises(StoreError, match="lost again"):
            await each
    last = await asked(gathering, "a", 4)
    reads.ends[2].set_result(None)
    assert await last == {4: 3}


async def test_who_leaves_takes_nobody_along() -> None:
    reads = Reads()
    gathering = Gathering(reads.read, lanes=1)
    first = await asked(gathering, "a", 1)
    leaving, staying = await asked(gathering, "a", 2), await asked(gathering, "a", 3)
    leaving.cancel()
    first.cancel()
    await asyncio.gather(first, leaving, return_exceptions=True)
    await asyncio.sleep(0)
    reads.ends[1].set_result(None)

    assert await staying == {3: 2}


async def test_keys_that_cannot_be_read_fail_who_asked_for_them_and_nobody_else() -> None:
    may_end = asyncio.Event()

    async def read(_: str, keys: Sequence[Any]) -> Mapping[Any, Any]:
        await may_end.wait()
        if "nonsense" in keys:
            raise ValueError("nonsense")
        return {key: -key for key in keys}

    gathering = Gathering(read, lanes=1)
    tasks = [await asked(gathering, "a", key) for key in (0, 1, 2, "nonsense", 4, 5, 6)]
    may_end.set()

    found = await asyncio.gather(*tasks, return_exceptions=True)
    await gathering.close()

    assert [each for each in found if isinstance(each, dict)] == [{key: -key} for key in (0, 1, 2, 4, 5, 6)]
    assert repr(found[3]) == "ValueError('nonsense')"


async def test_a_store_that_is_gone_is_not_asked_once_for_everybody() -> None:
    begun = []

    async def read(_: str, keys: Sequence[Any]) -> Mapping[Any, Any]:
        begun.append(keys)
        await asyncio.sleep(0)
        raise StoreError("gone")

    gathering = Gathering(read, lanes=1)
    found = await asyncio.gather(*(gathering.of("a", (key,)) for key in range(9)), return_exceptions=True)
    await gathering.close()

    assert [type(each) for each in found] == [StoreError] * 9
    assert len(begun) == 2
