"""The feed of an external search engine: every product from the first one on, as the shop's own search finds it."""

from __future__ import annotations

from diptych import Rows, Subscriber
from retail.departments import DepartmentRenamed
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.reactions.ports import SearchIndex
from retail.views.search import ProductFound, in_department

feed = Subscriber("feed", since="beginning")
_PAGE = 500


@feed.on
async def put(
    event: ProductCreated | ProductPriced | ProductDescribed | ProductMoved | ProductDiscontinued,
    found: Rows[ProductFound],
    index: SearchIndex,
) -> None:
    """Put the product as it is now, which holds this event and perhaps later ones."""
    product = await found.get(event.product)
    if product is not None:
        await index.put(product)


@feed.on
async def put_department(event: DepartmentRenamed, found: Rows[ProductFound], index: SearchIndex) -> None:
    """Put every product of a department that got another name."""
    wanted = in_department.bind(department=event.department)
    page = await found.scroll(wanted, order=["description"], limit=_PAGE)
    while True:
        for product in page:
            await index.put(product)
        if page.next is None:
            break
        page = await found.scroll(wanted, order=["description"], limit=_PAGE, cursor=page.next)
