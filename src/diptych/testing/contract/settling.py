"""What bookmarks promise that can be copied from those of another log."""
# ruff: noqa: S101, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from diptych.errors import CopyError
from diptych.ports import Bookmark, Failure, MovableBookmarks, Skip

LOG = UUID(int=1)
MAIL = Bookmark("mail", 7, LOG, 3, Failure(8, 2, "no answer"))
INDEX = Bookmark("index", 9, LOG, 1)
LEFT_OUT = (Skip("mail", 4, 5, "no such address"), Skip("mail", 2, 6, "the same"))


class SettlingContract:
    """State every promise of `ports.MovableBookmarks` as a test.

    Give it two fixtures, `first` and `second`: opened owners that share one store.
    """

    async def test_what_is_settled_is_there_and_owned_by_nobody(
        self, first: MovableBookmarks, second: MovableBookmarks
    ) -> None:
        await first.settle([MAIL, INDEX], LEFT_OUT)

        assert await second.all() == {"mail": replace(MAIL, epoch=0), "index": replace(INDEX, epoch=0)}
        assert tuple(await second.skips()) == LEFT_OUT

    async def test_who_takes_one_goes_on_where_it_stands(self, first: MovableBookmarks) -> None:
        await first.settle([MAIL], ())

        taken = await first.take("mail", log_id=LOG, start=0, seconds=60)

        assert taken == replace(MAIL, epoch=1)
        assert await first.move(taken, 8) == Bookmark("mail", 8, LOG, 1)

    async def test_settling_again_replaces_what_was_there(self, first: MovableBookmarks) -> None:
        await first.settle([MAIL, INDEX], LEFT_OUT)

        await first.settle([replace(INDEX, position=12)], LEFT_OUT[:1])

        assert await first.all() == {"index": Bookmark("index", 12, LOG, 0)}
        assert tuple(await first.skips()) == LEFT_OUT[:1]

    async def test_one_that_was_ever_owned_is_not_replaced(
        self, first: MovableBookmarks, second: MovableBookmarks
    ) -> None:
        await first.settle([MAIL, INDEX], ())
        taken = await second.take("index", log_id=LOG, start=0, seconds=0)

        with pytest.raises(CopyError, match="subscriber 'index' has run beside the copy, and stands at position 9"):
            await first.settle([MAIL], LEFT_OUT)

        assert await first.all() == {"mail": replace(MAIL, epoch=0), "index": taken}
        assert list(await first.skips()) == []

    async def test_nothing_can_be_settled_too(self, first: MovableBookmarks) -> None:
        await first.settle((), ())

        assert await first.all() == {}
