"""A turn of folding is short enough to renew a lease after it, and long enough to be worth its trip."""

from diptych.read.pace import Pace


def test_slow_folds_get_few_events_at_once() -> None:
    pace = Pace(2000)

    pace.took(250 * 0.01)

    assert pace.limit == 40
    pace.took(40 * 100)
    assert pace.limit == 1


def test_quick_folds_get_ever_more_up_to_the_most() -> None:
    pace, seen = Pace(2000), list[int]()
    for _ in range(5):
        seen.append(pace.limit)
        pace.took(pace.limit * 0.000_01)

    assert seen == [250, 500, 1000, 2000, 2000]


def test_what_fits_stays() -> None:
    pace = Pace(100)

    pace.took(0.3)

    assert pace.limit == 100
