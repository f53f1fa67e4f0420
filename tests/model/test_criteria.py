"""Criteria select events by type and tags; a condition forbids an append when one of them lies after its position."""

import pytest

from diptych.model.criteria import Clause, Criteria, Guard, unless


@pytest.mark.parametrize(
    ("clause", "matches"),
    [
        (Clause(), True),
        (Clause(types=("a",)), True),
        (Clause(types=("b",)), False),
        (Clause(types=("b", "a"), tags=("x:1",)), True),
        (Clause(tags=("x:1", "y:2")), True),
        (Clause(tags=("x:1", "z:3")), False),
        (Clause(types=("b",), tags=("x:1",)), False),
    ],
)
def test_a_clause_wants_one_of_its_types_and_all_of_its_tags(clause: Clause, matches: bool) -> None:
    assert clause.matches("a", ("x:1", "y:2")) is matches


def test_criteria_match_where_any_clause_does() -> None:
    criteria = Criteria.typed("a") | Criteria.tagged("x:1", types=["b"])

    assert [criteria.matches(*event) for event in [("a", ()), ("b", ("x:1",)), ("b", ()), ("c", ("x:1",))]] == [
        True,
        True,
        False,
        False,
    ]
    assert not Criteria().matches("a", ("x:1",))
    assert Criteria.all().matches("a", ())


def test_joining_criteria_keeps_each_clause_once() -> None:
    one, two = Criteria.typed("a"), Criteria.tagged("x:1")

    assert (one | two | one).clauses == (*one.clauses, *two.clauses)


def test_unless_guards_every_clause_from_one_position() -> None:
    criteria = Criteria.typed("a") | Criteria.typed("b")

    assert unless(criteria, after=7) == (Guard(Clause(("a",)), 7), Guard(Clause(("b",)), 7))
    assert unless(Criteria()) == ()
