from datetime import UTC, datetime, timedelta

from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.events import Event
from hodei_domain.kernel.instants import rising
from hodei_domain.testing.making import T0, new_worker_id, submission


def test_a_new_aggregate_starts_from_nothing() -> None:
    change = submission()
    assert change.is_new
    assert not change.is_same
    assert change.base == 0


def test_no_move_is_the_same() -> None:
    job = submission().after
    change = same(job)
    assert change.is_same
    assert not change.is_new
    assert change == Change(job, (), job.version)


def test_chained_moves_keep_the_first_base_and_all_events() -> None:
    first = submission()
    both = first.then(lambda job: job.assign(new_worker_id(), at=T0))
    assert (both.base, both.after.version) == (0, 2)
    assert [event.type for event in both.events] == ["JobCreated", "JobAssigned"]


def test_an_event_is_named_after_its_class_and_tells_nothing_by_itself() -> None:
    event = Event(at=T0, correlation_id="x")
    assert (event.type, event.payload()) == ("Event", {})


def test_instants_rise_whatever_the_clock_does() -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    assert rising(at, at - timedelta(1)) == at
    assert rising(at, at) == rising(at - timedelta(1), at) == at + timedelta(microseconds=1)
