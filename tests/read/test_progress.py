"""Who waits for projections is woken; who no longer waits disturbs nobody."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from diptych.read.progress import LiveProgress, Standing


def abandoned(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin on a loop of its own, which is closed while the task still waits."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    return task


def test_a_waiter_whose_loop_is_closed_does_not_disturb_the_runtime() -> None:
    live, left = LiveProgress(), []
    live.lead({"shop": Standing(0)})
    thread = threading.Thread(target=lambda: left.append(abandoned(live.moved(("shop",), 5, seconds=60))))
    thread.start()
    thread.join()

    live.publish("shop", Standing(9))

    assert live.holds(("shop",), 9)
    assert not left[0].done()


def test_what_is_no_longer_led_here_is_not_known_here() -> None:
    live = LiveProgress()
    live.lead({"shop": Standing(9), "stalls": Standing(9)})
    live.resign(["shop"])

    assert live.leads(["stalls"])
    assert live.holds(("stalls",), 9)
    assert not live.leads(["shop", "stalls"])
    assert not live.holds(("shop", "stalls"), 9)


async def test_who_waits_for_what_is_given_up_is_woken() -> None:
    live = LiveProgress()
    live.lead({"shop": Standing(0), "stalls": Standing(0)})
    waiting = asyncio.create_task(live.moved(("stalls", "shop"), 5, seconds=60))
    await asyncio.sleep(0)

    live.resign(["shop"])

    await asyncio.wait_for(waiting, 5)
