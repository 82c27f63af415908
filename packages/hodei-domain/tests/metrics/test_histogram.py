import bisect
import math

from hodei_domain.metrics.histogram import LAST, SHORTEST, bounds_of, bucket_of, quantile
from hypothesis import given
from hypothesis import strategies as st

DURATIONS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@given(DURATIONS)
def test_a_duration_lies_in_its_bucket(seconds: float) -> None:
    low, high = bounds_of(bucket_of(seconds))
    assert low <= seconds * (1 + 1e-9)
    assert seconds <= high * (1 + 1e-9)


def test_the_scale_begins_and_ends_somewhere() -> None:
    assert bucket_of(0) == bucket_of(SHORTEST / 2) == 0
    assert bucket_of(SHORTEST) == 1
    assert bucket_of(1e12) == LAST


@given(st.lists(DURATIONS, min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_right_to_a_fifth(durations: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for each in durations:
        counts[bucket_of(each)] = counts.get(bucket_of(each), 0) + 1
    exact = sorted(durations)[math.ceil(share * len(durations)) - 1]
    found = quantile(counts, share)
    assert found is not None
    assert exact / 1.2 - SHORTEST <= found <= exact * 1.2 + SHORTEST


@given(st.lists(DURATIONS, max_size=50), st.lists(DURATIONS, min_size=1, max_size=50))
def test_counts_that_are_added_tell_of_all_together(here: list[float], there: list[float]) -> None:
    added: dict[int, int] = {}
    for part in (here, there):
        counted: dict[int, int] = {}
        for each in part:
            counted[bucket_of(each)] = counted.get(bucket_of(each), 0) + 1
        for bucket, count in counted.items():
            added[bucket] = added.get(bucket, 0) + count
    together = sorted(bucket_of(each) for each in here + there)
    middle = quantile(added, 0.5)
    assert middle is not None
    assert bucket_of(middle) == together[math.ceil(len(together) / 2) - 1]
    assert bisect.bisect_left(together, bucket_of(middle)) < len(together)


def test_nothing_has_no_percentile() -> None:
    assert quantile({}, 0.5) is None
