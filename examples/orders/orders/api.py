"""The HTTP API: FastAPI routes over the service layer, every answer in a data envelope.

Orders have routes of their own, as a team would write them; the rest has those that its messages make. The command
side and the query side can be served apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from diptych import Application, Invalid, NotAllowed, Refreshed, Refused
from diptych.web.app import asgi_app
from diptych.web.fastapi import (
    DATA,
    Answered,
    Asking,
    Door,
    Endpoint,
    Envelope,
    PageEnvelope,
    Received,
    Sending,
    Statuses,
    or_404,
    remapped,
    tell_all_as_problems,
)
from orders.commands import (
    AddItem,
    CreateOrder,
    InvoiceOrder,
    ListProduct,
    PlaceOrder,
    RegisterCustomer,
    SetShippingAddress,
    UpdateStatus,
)
from orders.queries.aggregates import ListCategorySales, ListSegments
from orders.queries.customers import (
    FindCustomers,
    GetCustomer,
    GetCustomerAnalytics,
    GetCustomerOrders,
    ListSegment,
)
from orders.queries.orders import ListOrders, ScrollOrders, SearchOrders
from orders.queries.products import (
    FindProducts,
    GetProduct,
    ListPopularProducts,
    ListProductSales,
    ListSalesEntries,
)
from orders.service import OrderService
from orders.settings import OrderSettings
from orders.views.details import OrderDetail
from orders.views.summaries import OrderSummary

Dependency = Callable[..., Any]
"""A dependency as FastAPI takes it."""

TITLE: Final = "Order management"
COMMANDS: Final = (
    Endpoint(AddItem, "/orders/{order}/items", status=204),
    Endpoint(SetShippingAddress, "/orders/{order}/shipping-address", method="PUT", status=204),
    Endpoint(PlaceOrder, "/orders/{order}/placement", status=204),
    Endpoint(UpdateStatus, "/orders/{order}/status", status=204),
    Endpoint(InvoiceOrder, "/orders/{order}/invoice", status=201),
    Endpoint(RegisterCustomer, "/customers", status=201, statuses={Invalid: 400}),
    Endpoint(ListProduct, "/products", status=201, statuses={Invalid: 400}),
)
QUERIES: Final = (
    Endpoint(FindCustomers, "/customers"),
    Endpoint(GetCustomer, "/customers/{customer}"),
    Endpoint(GetCustomerOrders, "/customers/{customer}/orders"),
    Endpoint(ListOrders, "/customers/{customer}/orders/newest"),
    Endpoint(ScrollOrders, "/customers/{customer}/orders/scroll"),
    Endpoint(GetCustomerAnalytics, "/customers/{customer}/analytics"),
    Endpoint(ListSegments, "/segments"),
    Endpoint(ListSegment, "/segments/{segment}/customers"),
    Endpoint(FindProducts, "/products"),
    Endpoint(GetProduct, "/products/{product}"),
    Endpoint(ListPopularProducts, "/popular-products"),
    Endpoint(ListProductSales, "/product-sales"),
    Endpoint(ListSalesEntries, "/sales-entries"),
    Endpoint(ListCategorySales, "/category-sales"),
)
_AS_BAD_REQUEST: Final[Statuses] = {Invalid: 400, Refused: 400}


def api_of(application: Application, settings: OrderSettings, principal: Dependency | None = None) -> FastAPI:
    """Return the API of what an application serves: commands, queries or both; the messages themselves at /messages.

    `principal` is the dependency that says who is asking. Without it only this machine is served, and believed what
    `X-Diptych-User` says; only then are the messages there too. The staff may see what others sent.
    """
    door = Door(application, principal=principal)
    api = FastAPI(title=TITLE, version="1", lifespan=door.lifespan, generate_unique_id_function=_named)
    door.install(api)
    tell_all_as_problems(api)
    if application.commands:
        api.include_router(command_routes(door))
    if application.queries:
        api.include_router(query_routes(door, settings))
    if principal is None:
        api.mount("/messages", asgi_app(application, title=TITLE, auditor=settings.is_staff))
    return api


def _named(route: APIRoute) -> str:
    return route.name  # the function's, which reads better in a generated client than with path and method


def serving(door: Door) -> Any:  # Any: what FastAPI's own Depends is typed as
    """Return the dependency that gives a route the service, on behalf of whoever its request comes from."""
    sending, asking = Depends(door.sending), Depends(door.asking)

    async def service(send: Sending = sending, ask: Asking = asking) -> OrderService:
        return OrderService(send, ask)

    return Depends(service)


def command_routes(door: Door) -> APIRouter:
    """Return the routes that change something."""
    router, service = APIRouter(tags=["commands"]), serving(door)

    @router.post("/orders", status_code=201, dependencies=[remapped(_AS_BAD_REQUEST)])
    async def create_order(order: Received[CreateOrder], orders: OrderService = service) -> Envelope[UUID]:
        """Begin an order as a draft."""
        return Envelope((await orders.create(order)).unwrap())

    router.include_router(door.router(*COMMANDS, enclosure=DATA))
    return router


def query_routes(door: Door, settings: OrderSettings) -> APIRouter:
    """Return the routes that answer."""
    router, service = APIRouter(tags=["queries"]), serving(door)
    asking = Depends(door.asking)

    @router.get("/orders/{order}")
    async def get_order(order: UUID, orders: OrderService = service) -> Envelope[Answered[OrderDetail]]:
        """Show an order in full."""
        return Envelope(or_404(await orders.get(order), f"there is no order {order}"))

    @router.get("/orders")
    async def find_orders(
        wanted: Received[SearchOrders], orders: OrderService = service, ask: Asking = asking
    ) -> PageEnvelope[Answered[OrderSummary]]:
        """Show a page of the orders that match, with links to the others."""
        return PageEnvelope.of(ask.linked(await orders.find(wanted), by="page"))

    @router.post("/views/{view}/refresh")
    async def refresh(view: str, ask: Asking = asking) -> Envelope[Refreshed]:
        """Compute an aggregate view anew and put it in the place of the old one; for the staff."""
        if not settings.is_staff(ask.principal):
            raise NotAllowed("views are refreshed by the staff")
        return Envelope(await door.application.refresh(view))

    router.include_router(door.router(*QUERIES, enclosure=DATA))
    return router
