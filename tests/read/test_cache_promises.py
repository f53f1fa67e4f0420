"""A cached answer is never older than its promise, whatever changes, restarts and clocks do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych.read.cache import Kept
from diptych.read.cached import CachedQuery
from tests.read.promises import Driver
from tests.sizes import size

STEPS = size(1_500, full=10_000)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + STEPS // 20)]


@pytest.mark.parametrize("seed", range(size(1, full=4)))
async def test_a_cached_answer_is_never_older_than_its_promise(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    driver = Driver(tmp_path, seed)

    await driver.run(STEPS)

    assert driver.checked > STEPS // 3
    few = {outcome: driver.outcomes[outcome] for outcome in ("hit", "joined", "miss", "stale")}
    assert min(few.values()) > STEPS // 50, f"too little of something was shown: {few}"
    record_property("steps", STEPS)
    record_property("outcomes", ", ".join(f"{count} {outcome}" for outcome, count in few.items()))
    record_property("answers checked", driver.checked)
    record_property("restarts", driver.restarts)


load, serves = CachedQuery._load, CachedQuery._serves


async def changed_taken_last(self: CachedQuery, key: Any, query: Any, context: Any, *rest: Any) -> Kept:
    kept = await load(self, key, query, context, *rest)
    late = replace(kept, changed=await self._shelf.reader.changed(tuple(kept.models)))
    self._cache.put(key, late)
    return late


async def position_taken_last(self: CachedQuery, key: Any, query: Any, context: Any, *rest: Any) -> Kept:
    kept = await load(self, key, query, context, *rest)
    position = await self._shelf.reach.position(self._shelf.projections_of(kept.models))
    late = replace(kept, position=position)
    self._cache.put(key, late)
    return late


async def time_taken_last(self: CachedQuery, key: Any, query: Any, context: Any, *rest: Any) -> Kept:
    kept = await load(self, key, query, context, *rest)
    late = replace(kept, taken=self._clock.monotonic())
    self._cache.put(key, late)
    return late


async def selects_forgotten(self: CachedQuery, key: Any, query: Any, context: Any, *rest: Any) -> Kept:
    changed = await self._shelf.reader.changed(tuple(self._reading.models))
    kept = await load(self, key, query, context, *rest)
    late = replace(kept, changed=changed, models=self._reading.models)
    self._cache.put(key, late)
    return late


async def every_answer_serves(self: CachedQuery, kept: Kept, asker: Any) -> bool:
    return await serves(self, kept, asker) or bool(self._flights._all)


@pytest.mark.parametrize(
    ("name", "bug"),
    [
        ("_load", changed_taken_last),
        ("_load", position_taken_last),
        ("_load", time_taken_last),
        ("_load", selects_forgotten),
        ("_serves", every_answer_serves),
    ],
)
async def test_a_planted_bug_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bug: Any) -> None:
    monkeypatch.setattr(CachedQuery, name, bug)

    with pytest.raises(AssertionError, match=r"older than promised|does not hold position"):
        await Driver(tmp_path, 1).run(10 * STEPS)  # it ends where it is caught
