"""How v1.db was made, once. It is never made again: it shows that logs of version 1 stay readable."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from diptych.model.criteria import Clause, Guard
from diptych.ports import Record
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import NOW, appending, event

SALE = UUID("0198c0de-0000-7000-8000-000000000001")


async def main(path: Path) -> None:
    async with SqliteEventStore(path) as store:
        created = event("product.created", "product:85123A", data=b'{"name":"WHITE HEART","price":"2.5500"}')
        await store.append(appending(created, condition=(Guard(Clause((), ("product:85123A",))),)))
        sold = event("sale.made", "customer:Zo\u00eb", "sale:536365", version=2, data=SOLD)
        moved = event("stock.moved", "product:85123A", "sale:536365", data=b'{"product":"85123A","delta":-6}')
        kept = Record(SALE, "make.sale", b"0123456789abcdef", b'"536365"', 0, 0, "ann")
        await store.append(appending(sold, moved, record=kept, now=NOW + 1))
        await store.append(appending(event("shop.closed"), now=NOW + 2))


SOLD = '{"customer":"Zo\u00eb","sale":"536365"}'.encode()

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
