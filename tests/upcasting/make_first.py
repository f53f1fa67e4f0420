"""Write golden/first.json as the first version of the shop did: `python -m tests.upcasting.make_first`.

The file is committed, and never written again: it stands for a log that nobody can write any more.
"""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec

from diptych import Application
from diptych.cli.events import described
from diptych.codec import encode
from diptych.model.criteria import Criteria
from diptych.testing import FixedClock, SequentialIds
from tests.upcasting.old_shop import Confirm, Move, Note, Place, shop

FIRST = Path(__file__).with_name("golden") / "first.json"


async def main() -> None:
    async with Application(shop, clock=FixedClock(), ids=SequentialIds()) as app:
        await app.send(Move("lamp", 10), principal="ann")
        for number in ("a1", "a2", "a3"):
            await app.send(Place(number, f"buyer of {number}", Decimal("12.50")), principal="bea")
        await app.send(Confirm("a1", Decimal("12.50"), "card"), principal="bea")
        await app.send(Note("a1", "ring twice"))
        await app.send(Note("a2", ""))
        await app.send(Confirm("a2", Decimal("12.00"), "cash"), principal="bea")
        await app.send(Move("lamp", -1))
        found = (await app.store.read(Criteria.all())).events
    FIRST.write_bytes(msgspec.json.format(encode([described(each) for each in found]), indent=2) + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
