"""Wiring mistakes fail before the first message, naming file, line and fix; the texts stand in a golden file.

`DIPTYCH_GOLDEN=write` writes it anew, for a change that means to change them.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych import Application, Module, Projection, WiringError
from tests.wiring_mistakes import MISTAKES, OrderView

GOLDEN = Path(__file__).parent / "golden" / "wiring.txt"
HERE = str(Path(__file__).parent) + os.sep


def told(mistake: Callable[[], None]) -> str:
    with pytest.raises(WiringError) as caught:
        mistake()
    return str(caught.value).replace(HERE, "")


def heading(mistake: Callable[[], None]) -> str:
    return mistake.__name__.replace("_", " ")


def test_the_texts_are_those_of_the_golden_file() -> None:
    texts = "\n\n".join(f"# {heading(mistake)}\n{told(mistake)}" for mistake in MISTAKES) + "\n"
    if os.environ.get("DIPTYCH_GOLDEN") == "write":
        GOLDEN.write_text(texts, encoding="utf-8")

    assert texts == GOLDEN.read_text(encoding="utf-8")


def test_a_module_that_is_passed_twice_is_named() -> None:
    orders = Module("orders")

    with pytest.raises(WiringError, match="module 'orders' is passed twice"):
        Application(orders, Module("others"), orders)


@pytest.mark.parametrize("mistake", MISTAKES, ids=heading)
def test_every_mistake_names_file_line_and_fix(mistake: Callable[[], None]) -> None:
    text = told(mistake)

    assert re.search(r"^  at   wiring_mistakes\.py:\d+$", text, re.MULTILINE)
    assert re.search(r"^  fix  \S+", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"subscribers": "inlin"}, "write subscribers='run' or 'inline' or 'off'"),
        ({"projections": "off"}, "write projections='run' or 'follow'"),
        ({"mode": "development"}, "write mode='production' or 'dev'"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(WiringError, match=told):
        Application(**options)


def test_a_read_model_in_place_of_its_projection_is_refused() -> None:
    model: Any = Projection("orders").read_model(OrderView, key="order")

    with pytest.raises(WiringError, match=r"found read model 'order_view'\n  fix  pass the Projection of a read model"):
        Application(model)


def test_a_row_type_in_place_of_a_part_is_refused() -> None:
    part: Any = OrderView

    with pytest.raises(WiringError, match=r"found <class .*OrderView'>\n  at   .*wiring_mistakes.py"):
        Application(part)


def test_a_descending_index_is_told_how_it_is_written() -> None:
    with pytest.raises(WiringError, match=r"Index\('-order'\)"):
        Projection("orders").read_model(OrderView, key="order", indexes=["-order"])


def test_a_view_that_is_refreshed_by_a_number_is_refused() -> None:
    number: Any = 5

    with pytest.raises(WiringError, match=r"refreshed by 5\n  at .*\n  fix  write refresh=Every\(minutes=5\)"):
        Module("orders").materialised(OrderView, key="order", refresh=number)(lambda orders: orders)
