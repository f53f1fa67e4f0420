"""Blame names the last version at which a field differs from the version before."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from diptych.history.blame import FieldChange, Since, changed, row_at
from diptych.ports import Version
from tests.history.shop import Plain, Shelf

FIELDS = ("product", "price", "sold", "turnover")
rows = st.none() | st.builds(Shelf, st.just("lamp"), st.integers(0, 2).map(int), st.integers(0, 2))


def numbered(found: Sequence[Shelf | None]) -> list[Version]:
    return [Version(at * 10, row) for at, row in enumerate(found, start=1)]


@given(st.lists(rows, min_size=1, max_size=12), st.integers(1, 12))
def test_a_field_is_since_the_version_before_which_it_was_otherwise_and_after_which_it_never_was(
    found: list[Shelf | None], size: int
) -> None:
    versions, since = numbered(found), Since(FIELDS)
    for start in range(0, len(versions), size):
        since.take(versions[start : start + size])

    assert since.row == found[-1]
    if since.row is None:
        return
    for name, value in zip(FIELDS, since.values, strict=True):
        position = since.positions[name]
        before = row_at(versions, position - 1)
        assert value == getattr(found[-1], name)
        assert before is None or getattr(before, name) != value
        assert all(row is not None and getattr(row, name) == value for at, row in versions if at >= position)


def test_a_row_at_a_position_is_that_of_the_version_before_or_there() -> None:
    first, second = Shelf("lamp", 1), Shelf("lamp", 2)  # type: ignore[arg-type]  # whole prices do here
    versions = [Version(3, first), Version(5, None), Version(8, second)]

    assert [row_at(versions, at) for at in range(9)] == [None] * 3 + [first] * 2 + [None] * 3 + [second]


def test_what_comes_and_goes_changes_every_field_and_what_stays_only_those_that_differ() -> None:
    row, other = Plain("lamp", 1, 0), Plain("lamp", 1, 4)  # type: ignore[arg-type]  # whole prices do here

    assert changed(row, other, ("product", "sold")) == (FieldChange("sold", 0, 4),)
    assert changed(None, row, ("product", "sold")) == (
        FieldChange("product", None, "lamp"),
        FieldChange("sold", None, 0),
    )
    assert changed(row, None, ("sold",)) == (FieldChange("sold", 0, None),)
    assert changed(None, None, ("sold",)) == ()
