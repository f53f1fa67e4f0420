"""Workers share projections by a plan that each makes from the same tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from diptych.stores.leases import Holding, State, Worker, expiry, planned

SECONDS = 2.0
SECOND = 1_000_000
LOOK = SECOND // 5
NAMES = ["a", "b", "c", "d", "e"]


def wanting(names: Sequence[str], code: str = "1") -> dict[str, str]:
    return dict.fromkeys(names, code)


@dataclass
class Table:
    """The two tables of a row store, without a row store."""

    workers: dict[str, Worker] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    now: int = SECOND

    def look(self, me: str, projections: Mapping[str, str]) -> dict[str, int]:
        state = State(tuple(self.workers.values()), tuple(self.holdings.values()), self.now)
        plan = planned(state, me, projections, seconds=SECONDS)
        for name in plan.take:
            last = self.holdings.get(name)
            epoch = 1 if last is None else last.epoch + 1
            self.holdings[name] = Holding(name, me, epoch, projections[name], self.now)
        for name in plan.give:
            self.holdings[name] = self.holdings[name]._replace(worker=None, since=self.now)
        if plan.beat:
            self.workers[me] = Worker(me, projections, expiry(self.now, SECONDS))
        return {each.projection: each.epoch for each in self.holdings.values() if each.worker == me}

    def rounds(self, count: int, **workers: Mapping[str, str]) -> dict[str, list[str]]:
        """Let every worker look, again and again; return what each has then."""
        for _ in range(count):
            for name, projections in workers.items():
                self.look(name, projections)
            self.now += LOOK
        return {name: sorted(self.look(name, projections)) for name, projections in workers.items()}


def test_a_worker_alone_takes_everything_at_once() -> None:
    assert Table().look("one", wanting(NAMES)) == dict.fromkeys(NAMES, 1)


def test_three_workers_with_three_projections_have_one_each() -> None:
    table = Table()
    table.look("one", wanting("abc"))

    found = table.rounds(2, one=wanting("abc"), two=wanting("abc"), three=wanting("abc"))

    assert [len(each) for each in found.values()] == [1, 1, 1]
    assert table.holdings["a"].epoch == 1, "what an owner keeps has no new epoch"


def test_a_second_worker_without_a_fairer_share_takes_nothing() -> None:
    table = Table()
    table.look("one", wanting("a"))

    assert table.rounds(9, one=wanting("a"), two=wanting("a")) == {"one": ["a"], "two": []}
    assert table.holdings["a"].epoch == 1


def test_what_a_dead_worker_had_is_taken_over_when_its_lease_ends() -> None:
    table = Table()
    table.look("one", wanting("ab"))
    table.now += int(SECONDS * SECOND) - 1
    assert table.look("two", wanting("ab")) == {}
    table.now += 1

    assert table.look("two", wanting("ab")) == {"a": 2, "b": 2}
    assert table.look("one", wanting("ab")) == {}


def test_what_the_less_loaded_worker_does_not_take_in_time_goes_to_another() -> None:
    table = Table()
    table.rounds(3, one=wanting("ab"), gone=wanting("ab"))
    table.look("idle", wanting("ab"))  # it is alive, and looks no more
    table.workers["gone"] = table.workers["gone"]._replace(expires=table.now)

    assert table.look("one", wanting("ab")) == {"a": 1}
    table.now += 3 * LOOK
    assert table.look("one", wanting("ab")) == {"a": 1, "b": 3}


def test_who_folds_by_other_code_gets_nothing_while_the_owner_lives() -> None:
    table = Table()
    table.look("old", wanting("abc", "1"))

    assert table.rounds(9, old=wanting("abc", "1"), new=wanting("abc", "2"))["new"] == []


def test_what_a_dead_worker_had_goes_first_to_who_folds_it_by_the_same_code() -> None:
    table = Table()
    table.look("first", wanting("abc", "1"))
    table.look("new", wanting("abc", "2"))
    table.look("old", wanting("abc", "1"))
    table.workers["first"] = table.workers["first"]._replace(expires=table.now)

    assert table.look("new", wanting("abc", "2")) == {}
    assert table.look("old", wanting("abc", "1")) == {"a": 2, "b": 2, "c": 2}


def test_other_code_takes_over_when_nobody_is_left_who_has_that_of_the_dead() -> None:
    table = Table()
    table.look("old", wanting("abc", "1"))
    table.workers["old"] = table.workers["old"]._replace(expires=table.now)

    assert table.look("new", wanting("abc", "2")) == {"a": 2, "b": 2, "c": 2}


def test_a_worker_that_wants_a_projection_no_more_gives_it_up() -> None:
    table = Table()
    table.look("one", wanting("ab"))

    assert table.look("one", wanting("a")) == {"a": 1}
    assert table.look("two", wanting("ab")) == {"b": 2}


def test_a_lease_from_before_the_clock_was_set_back_is_over() -> None:
    table = Table(now=3600 * SECOND)
    table.look("one", wanting("a"))
    table.now = SECOND

    assert table.look("two", wanting("a")) == {"a": 2}


def test_who_looks_often_writes_seldom() -> None:
    table = Table()
    table.look("one", wanting("a"))
    table.look("two", wanting("a"))
    table.now += LOOK
    state = State(tuple(table.workers.values()), tuple(table.holdings.values()), table.now)

    assert planned(state, "two", wanting("a"), seconds=SECONDS).is_nothing


chosen = st.lists(st.sampled_from(NAMES), unique=True, max_size=5)
workers = st.dictionaries(st.sampled_from(["one", "two", "three", "four"]), chosen, min_size=1)


@given(before=workers, after=workers)
def test_whoever_comes_and_goes_everything_wanted_is_owned_once_and_shared_fairly(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> None:
    table = Table()
    table.rounds(4, **{name: wanting(names) for name, names in before.items()})

    found = table.rounds(30, **{name: wanting(names) for name, names in after.items()})

    counts = Counter(each for names in found.values() for each in names)
    assert counts == Counter({name for names in after.values() for name in names})
    for name, owned in found.items():
        for other, wanted in after.items():
            assert not set(owned) & set(wanted) or len(owned) - len(found[other]) < 2, (name, other, found)
    settled = {name: each.epoch for name, each in table.holdings.items()}
    table.rounds(10, **{name: wanting(names) for name, names in after.items()})
    assert {name: each.epoch for name, each in table.holdings.items()} == settled, "nothing moves for ever"
