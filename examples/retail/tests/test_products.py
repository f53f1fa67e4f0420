"""Products and customers: what their commands decide."""

from __future__ import annotations

from decimal import Decimal

from diptych import Missing
from diptych.testing import Scenario
from retail.customers import CustomerExists, CustomerRegistered, RegisterCustomer, customers
from retail.departments import DepartmentOpened
from retail.listing import listing
from retail.products import (
    ChangeDescription,
    ChangePrice,
    CreateProduct,
    Discontinued,
    DiscontinueProduct,
    MoveProduct,
    ProductCreated,
    ProductDescribed,
    ProductDiscontinued,
    ProductExists,
    ProductMoved,
    ProductPriced,
    products,
)
from retail.stock import InventoryAdjusted
from retail.units import UnitOpened

given = Scenario(products, listing, customers).given

MUG = ProductCreated("MUG", "red mug", Decimal("2.50"), Decimal("1.10"), 3)
KITCHEN, GARDEN, PIECE = DepartmentOpened("K", "Kitchen"), DepartmentOpened("G", "Garden"), UnitOpened("PC", "piece")


def test_a_new_product_enters_with_its_opening_stock() -> None:
    create = CreateProduct(
        product="MUG",
        description="red mug",
        price=Decimal("2.50"),
        cost=Decimal("1.10"),
        minimum_stock=3,
        opening_stock=7,
    )

    given().when(create).then(MUG, InventoryAdjusted("MUG", 7, "opening", "MUG")).then_value("MUG")


def test_a_product_is_created_in_a_department_and_by_a_unit_that_are_open() -> None:
    create = CreateProduct(product="POT", description="pot", price=Decimal(9), department="K", unit="PC")

    given(KITCHEN, PIECE).when(create).then(ProductCreated("POT", "pot", Decimal(9), Decimal(0), 0, "K", "PC"))


def test_a_department_and_a_unit_that_are_not_open_are_two_errors_at_once() -> None:
    create = CreateProduct(product="POT", description="pot", price=Decimal(9), department="K", unit="PC")

    given(GARDEN).when(create).then_invalid({"department": "there is no department K", "unit": "there is no unit PC"})


def test_a_product_moves_to_another_department_once() -> None:
    past = (KITCHEN, GARDEN, MUG)
    moved = ProductMoved("MUG", "G")

    given(*past).when(MoveProduct("MUG", "G")).then(moved).then_value("MUG")
    given(*past, moved).when(MoveProduct("MUG", "G")).then_nothing()


def test_a_product_moves_only_where_there_is_a_department() -> None:
    given(MUG).when(MoveProduct("MUG", "G")).then_invalid({"department": "there is no department G"})
    given(GARDEN).when(MoveProduct("MUG", "G")).then_refused(Missing, product="MUG")
    given(GARDEN, MUG, ProductDiscontinued("MUG")).when(MoveProduct("MUG", "G")).then_refused(Discontinued)


def test_a_code_is_given_once() -> None:
    again = CreateProduct(product="MUG", description="blue mug", price=Decimal(1))

    given(MUG).when(again).then_refused(ProductExists, product="MUG")


def test_codes_that_differ_in_case_are_two_products() -> None:
    other = CreateProduct(product="mug", description="red mug", price=Decimal(1))

    given(MUG).when(other).then_value("mug")


def test_everything_that_is_wrong_with_a_product_is_said_at_once() -> None:
    wrong = CreateProduct(product=" ", description="", price=Decimal(-1), minimum_stock=-1)

    given().when(wrong).then_invalid({"product": "blank", "description": "blank", "price": ..., "minimum_stock": ...})


def test_a_price_with_five_places_is_refused_and_never_rounded() -> None:
    given(MUG).when(ChangePrice("MUG", Decimal("0.12345"))).then_invalid({"price": "4 decimal places"})


def test_a_changed_price_is_recorded_and_the_same_price_is_not() -> None:
    given(MUG).when(ChangePrice("MUG", Decimal(3))).then(ProductPriced("MUG", Decimal(3)))
    given(MUG).when(ChangePrice("MUG", Decimal("2.5"))).then_nothing().then_value("MUG")


def test_a_changed_description_is_recorded_and_the_same_one_is_not() -> None:
    given(MUG).when(ChangeDescription("MUG", "mug, red")).then(ProductDescribed("MUG", "mug, red"))
    given(MUG).when(ChangeDescription("MUG", "red mug")).then_nothing()


def test_a_product_that_is_not_there_cannot_change() -> None:
    given(MUG).when(ChangePrice("CUP", Decimal(3))).then_refused(Missing, product="CUP")


def test_a_discontinued_product_stays_as_it_is() -> None:
    gone = ProductDiscontinued("MUG")

    given(MUG).when(DiscontinueProduct("MUG")).then(gone)
    given(MUG, gone).when(DiscontinueProduct("MUG")).then_nothing()
    given(MUG, gone).when(ChangePrice("MUG", Decimal(3))).then_refused(Discontinued)


def test_a_customer_is_registered_once() -> None:
    register = RegisterCustomer(customer="17850", name="Ada", credit_limit=Decimal(100))
    registered = CustomerRegistered("17850", "Ada", Decimal(100))

    given().when(register).then(registered).then_value("17850")
    given(registered).when(register).then_refused(CustomerExists, customer="17850")
