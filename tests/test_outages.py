"""An outage is told when it begins, and now and then while it lasts."""

from logging import getLogger

import pytest

from diptych.errors import StoreError
from diptych.outages import Outage


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, bool]]:
    return [(record.getMessage(), record.exc_info is not None) for record in caplog.records]


def test_what_fails_every_moment_is_told_once_whole_and_then_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("projections", getLogger("diptych"))

    for fifth in range(400):
        outage.tell(StoreError("no server"), fifth / 5)

    assert told(caplog) == [
        ("projections cannot go on now; trying again", True),
        ("projections still cannot go on; trying again: no server", False),
        ("projections still cannot go on; trying again: no server", False),
    ]


@pytest.mark.parametrize(("wrong", "at"), [(ValueError("other"), 1.0), (StoreError("again"), 100.0)])
def test_what_is_of_another_kind_or_comes_later_is_news(
    caplog: pytest.LogCaptureFixture, wrong: Exception, at: float
) -> None:
    outage = Outage("projections", getLogger("diptych"))
    outage.tell(StoreError("no server"), 0.0)

    outage.tell(wrong, at)

    assert [whole for _, whole in told(caplog)] == [True, True]
