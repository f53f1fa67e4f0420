"""`orders` on the command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from orders.cli import main
from orders.place import Place


@pytest.mark.parametrize("write", ["sourced", "normalised"])
def test_the_demo_traces_a_command_to_the_rows_that_it_changed(home: Place, write: str) -> None:
    demo = CliRunner().invoke(main, ["demo", "--data", str(home)], env={"ORDERS_WRITE": write})

    assert demo.exit_code == 0, demo.output
    assert f"{write} write model" in demo.output
    for line in ("UpdateStatus accepted by staff", "order.status_updated@1", "status paid -> cancelled", "Popular"):
        assert line in demo.output


def test_an_unknown_write_model_is_refused_in_one_line() -> None:
    demo = CliRunner().invoke(main, ["demo"], env={"ORDERS_WRITE": "graph"})

    assert demo.exit_code == 1
    assert "ORDERS_WRITE is 'graph', wanted sourced or normalised" in demo.output
    assert "Traceback" not in demo.output
