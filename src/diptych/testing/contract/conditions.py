"""What a condition forbids, and what it does not."""
# ruff: noqa: S101, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

from diptych.model.criteria import Clause, Condition, Criteria, Guard, unless
from diptych.ports import Appended, AppendOutcome, Conflicted, EventStore
from diptych.testing.contract.material import appending, event, given, guard


async def judged(store: EventStore, condition: Condition) -> AppendOutcome:
    """Append an event under a condition."""
    return await store.append(appending(event("probe"), condition=condition))


class ConditionsContract:
    """A guard forbids what its clause matches beyond its own `after`, and nothing else."""

    async def test_the_empty_condition_always_holds(self, store: EventStore) -> None:
        await given(store, event())

        assert isinstance(await judged(store, ()), Appended)

    async def test_nothing_forbids_what_nobody_has_taken(self, store: EventStore) -> None:
        await given(store, event("code.taken", "code:a"))

        assert isinstance(await judged(store, guard("code:b", types=["code.taken"])), Appended)

    async def test_one_guard_without_after_makes_unique(self, store: EventStore) -> None:
        await given(store, event("code.taken", "code:a"), event(), event())

        assert await judged(store, guard("code:a", types=["code.taken"])) == Conflicted(1)

    async def test_what_lies_up_to_after_is_known_and_not_forbidden(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"), event("moved", "thing:1"))

        assert isinstance(await judged(store, guard("thing:1", after=2)), Appended)
        assert await judged(store, guard("thing:1", after=1)) == Conflicted(2)

    async def test_an_after_beyond_the_head_forbids_nothing(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"))

        assert isinstance(await judged(store, guard("thing:1", after=10**15)), Appended)

    async def test_other_types_of_the_same_tag_do_not_conflict(self, store: EventStore) -> None:
        await given(store, event("created", "product:1"), event("stock.moved", "product:1"))

        assert isinstance(await judged(store, guard("product:1", types=["created"], after=1)), Appended)
        assert isinstance(await judged(store, guard("product:1", types=["created", "renamed"], after=1)), Appended)
        assert await judged(store, guard("product:1", types=["created", "stock.moved"], after=1)) == Conflicted(2)

    async def test_all_tags_of_a_clause_must_stand_on_one_event(self, store: EventStore) -> None:
        await given(
            store, event("joined", "student:1"), event("joined", "course:1"), event("joined", "course:2", "student:2")
        )

        assert isinstance(await judged(store, guard("student:1", "course:1", types=["joined"])), Appended)
        assert isinstance(await judged(store, guard("student:2", "course:1")), Appended)
        assert await judged(store, guard("student:2", "course:2", types=["joined"])) == Conflicted(3)
        assert await judged(store, guard("course:2", "student:2")) == Conflicted(3)
        assert isinstance(await judged(store, guard("course:2", "student:2", types=["left"])), Appended)
        assert isinstance(await judged(store, guard("course:2", "student:2", after=3)), Appended)

    async def test_a_clause_without_tags_forbids_its_types(self, store: EventStore) -> None:
        await given(store, event("closed", "shop:1"), event("opened", "shop:1"))

        assert await judged(store, guard(types=["closed"])) == Conflicted(1)
        assert isinstance(await judged(store, guard(types=["closed"], after=1)), Appended)
        assert isinstance(await judged(store, guard(types=["sold", "burnt"])), Appended)

    async def test_the_empty_clause_forbids_everything(self, store: EventStore) -> None:
        assert isinstance(await judged(store, guard()), Appended)

        assert await judged(store, guard()) == Conflicted(1)
        assert isinstance(await judged(store, guard(after=1)), Appended)

    async def test_each_guard_has_its_own_after(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1"), event("moved", "thing:2"))
        one, two = Clause(("moved",), ("thing:1",)), Clause(("moved",), ("thing:2",))

        assert isinstance(await judged(store, (Guard(one, 1), Guard(two, 2))), Appended)
        assert await judged(store, (Guard(one, 2), Guard(two, 1))) == Conflicted(2)
        assert await judged(store, (Guard(one, 0), Guard(two, 2))) == Conflicted(1)

    async def test_any_clause_of_criteria_forbids(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:2"))

        either = Criteria.tagged("thing:1") | Criteria.typed("moved")

        assert await judged(store, unless(either)) == Conflicted(1)
        assert isinstance(await judged(store, unless(either, after=1)), Appended)

    async def test_every_version_of_a_type_forbids(self, store: EventStore) -> None:
        await given(store, event("moved", "thing:1", version=1), event("moved", "thing:1", version=2))

        assert await judged(store, guard("thing:1", types=["moved"], after=1)) == Conflicted(2)
        assert await judged(store, guard(types=["moved"], after=1)) == Conflicted(2)

    async def test_an_old_after_is_judged_as_rightly_as_a_new_one(self, store: EventStore) -> None:
        await given(store, event("created", "product:1"))
        await store.append(appending(*(event("stock.moved", "product:1", f"sale:{n}") for n in range(500))))

        assert isinstance(await judged(store, guard("product:1", types=["created"], after=1)), Appended)
        assert await judged(store, guard("product:1", types=["created"], after=0)) == Conflicted(1)
        assert await judged(store, guard("product:1", "sale:499", after=400)) == Conflicted(501)

    async def test_a_conflict_names_a_position_that_can_be_read(self, store: EventStore) -> None:
        await given(store, *(event("moved", "thing:1") for _ in range(5)))

        outcome = await judged(store, guard("thing:1", types=["moved"], after=2))

        assert isinstance(outcome, Conflicted)
        found = await store.read(Criteria.tagged("thing:1", types=["moved"]), after=2)
        assert outcome.position in [each.position for each in found.events]
