"""What every store of bookmarks promises: one owner at a time, moves by compare-and-set, recorded skips."""
# ruff: noqa: S101, PLR2004 (a contract is made of asserts, and the expected figure is the point)

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from diptych.errors import FencedError, ReactionError
from diptych.ports import Bookmark, Bookmarks, Failure, Skip

LOG = UUID(int=1)
LONG, OVER = 60.0, 0.0


async def taken(bookmarks: Bookmarks, *, start: int = 7, seconds: float = LONG) -> Bookmark:
    """Take the subscriber of these tests; it must be free."""
    bookmark = await bookmarks.take("mail", log_id=LOG, start=start, seconds=seconds)
    assert bookmark is not None
    return bookmark


class BookmarksContract:
    """State every promise of `ports.Bookmarks` as a test.

    Give it two fixtures, `first` and `second`: opened owners that share one store.
    """

    async def test_a_new_subscriber_starts_where_it_is_told(self, first: Bookmarks) -> None:
        """Nothing is known of it before."""
        assert await first.all() == {}

        bookmark = await taken(first, start=7)

        assert bookmark == Bookmark("mail", 7, LOG, 1)
        assert await first.all() == {"mail": bookmark}

    async def test_a_known_subscriber_goes_on_where_it_stands(self, first: Bookmarks) -> None:
        """The start is for new ones, and the log's id is kept."""
        moved = await first.move(await taken(first, start=0), 5)

        again = await first.take("mail", log_id=UUID(int=2), start=99, seconds=LONG)

        assert again == moved == Bookmark("mail", 5, LOG, 1)

    async def test_an_owner_keeps_others_out_until_its_lease_is_over(self, first: Bookmarks, second: Bookmarks) -> None:
        """A lease that is over can be taken, and has a new epoch."""
        await taken(first)
        assert await second.take("mail", log_id=LOG, start=0, seconds=LONG) is None
        await taken(first, seconds=OVER)

        bookmark = await taken(second)

        assert bookmark.epoch == 2
        assert await first.take("mail", log_id=LOG, start=0, seconds=LONG) is None

    async def test_subscribers_are_owned_one_by_one(self, first: Bookmarks, second: Bookmarks) -> None:
        """Two processes may run different subscribers."""
        await taken(first)

        other = await second.take("index", log_id=LOG, start=0, seconds=LONG)

        assert other is not None
        assert sorted(await first.all()) == ["index", "mail"]

    async def test_one_of_many_owners_at_once_takes_a_subscriber(self, first: Bookmarks, second: Bookmarks) -> None:
        """However their calls interleave."""
        calls = [each.take("mail", log_id=LOG, start=0, seconds=LONG) for each in (first, second) for _ in range(10)]

        found = await asyncio.gather(*calls)

        won = [each is not None for each in found]
        assert won in ([True] * 10 + [False] * 10, [False] * 10 + [True] * 10)

    async def test_an_owner_that_closes_gives_up_everything(self, first: Bookmarks, second: Bookmarks) -> None:
        """The next one need not wait for the lease to end."""
        await taken(first)
        await first.__aexit__(None, None, None)

        assert (await taken(second)).epoch == 2

    async def test_a_move_is_seen_by_everybody(self, first: Bookmarks, second: Bookmarks) -> None:
        """With its failure, as soon as it returned."""
        failing = await first.move(await taken(first), 9, Failure(10, 3, "no"))

        assert failing == Bookmark("mail", 9, LOG, 1, Failure(10, 3, "no"))
        assert (await second.all())["mail"] == failing
        assert (await first.move(failing, 10)).failure is None

    async def test_a_bookmark_moves_once_from_where_it_was(self, first: Bookmarks) -> None:
        """A second move from the same bookmark is refused and writes nothing."""
        bookmark = await taken(first)
        moved = await first.move(bookmark, 9)

        with pytest.raises(FencedError):
            await first.move(bookmark, 8)

        assert (await first.all())["mail"] == moved

    async def test_who_was_taken_over_from_moves_nothing(self, first: Bookmarks, second: Bookmarks) -> None:
        """Even where the position is the same."""
        old = await taken(first, seconds=OVER)
        await taken(second)

        with pytest.raises(FencedError):
            await first.move(old, 8)

        assert (await second.all())["mail"].position == 7

    async def test_the_event_that_fails_can_be_skipped_by_anybody(self, first: Bookmarks, second: Bookmarks) -> None:
        """It is recorded with its error, and the owner's bookmark is no longer the stored one."""
        failing = await first.move(await taken(first), 9, Failure(10, 3, "no"))

        past = await second.skip("mail", 10, now=5)

        assert past == Bookmark("mail", 10, LOG, 1)
        assert list(await first.skips()) == [Skip("mail", 10, 5, "no")]
        with pytest.raises(FencedError):
            await first.move(failing, 10)

    @pytest.mark.parametrize("position", [8, 10, 11])
    async def test_no_other_event_can_be_skipped(self, first: Bookmarks, position: int) -> None:
        """One that does not fail, or lies elsewhere."""
        bookmark = await taken(first)
        if position != 10:  # at 10 it does not fail yet
            bookmark = await first.move(bookmark, 9, Failure(10, 1, "no"))

        with pytest.raises(ReactionError, match="only the event at which it fails can be skipped"):
            await first.skip("mail", position, now=5)

        assert (await first.all())["mail"] == bookmark
        assert list(await first.skips()) == []

    async def test_nobody_can_skip_for_a_subscriber_that_is_not_there(self, first: Bookmarks) -> None:
        """It says so, and makes none."""
        with pytest.raises(ReactionError, match="subscriber 'mail' stands at position 0: it does not fail"):
            await first.skip("mail", 1, now=5)

        assert await first.all() == {}
