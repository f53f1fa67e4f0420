"""Mail to customers: a welcome, and word of a sale that was undone."""

from __future__ import annotations

from diptych import Envelope, Rows, Subscriber
from retail.customers import CustomerRegistered
from retail.reactions.ports import Mailer
from retail.sales import SaleCancelled
from retail.views.customers import CustomerView

mail = Subscriber("mail")


@mail.on
async def welcome(event: CustomerRegistered, envelope: Envelope, mailer: Mailer) -> None:
    """Welcome a customer; delivered again, the mail has the same key."""
    await mailer.send(event.customer, f"Welcome, {event.name}", key=str(envelope.id))


@mail.on
async def undone(event: SaleCancelled, envelope: Envelope, customers: Rows[CustomerView], mailer: Mailer) -> None:
    """Tell a known customer, by name, that a sale was undone."""
    customer = None if event.customer is None else await customers.get(event.customer)
    if customer is not None:
        text = f"{customer.name}, sale {event.sale} was cancelled: {event.reason}"
        await mailer.send(customer.customer, text, key=str(envelope.id))
