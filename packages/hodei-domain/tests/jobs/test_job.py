"""What the state machine does not look at: results, events and times of single moves."""

from datetime import timedelta
from typing import Any

import pytest
from hodei_domain.jobs.errors import AlreadyEnded, IllegalMove, StaleAttempt
from hodei_domain.jobs.job import Job, JobState, Progress
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Clocks, OnWorkerLost, RetryRules
from hodei_domain.kernel.change import Change
from hodei_domain.testing.making import (
    FAILURE,
    MINUTE,
    SECOND,
    SUCCESS,
    T0,
    new_job_id,
    new_worker_id,
    spec,
    submission,
)


def started(**fields: Any) -> Job:
    change = submission(**fields).then(lambda job: job.assign(new_worker_id(), at=T0 + SECOND))
    return change.then(lambda job: job.start(1, at=T0 + 2 * SECOND, pid=7, limits="cgroup")).after


def told(change: Change[Job]) -> list[tuple[str, dict[str, Any]]]:
    return [(event.type, event.payload()) for event in change.events]


def test_a_submission_says_what_was_submitted() -> None:
    old = new_job_id()
    change = submission(queued_by="ana", correlation_id="c", rerun_of=old, name="n", turn=4)
    [event] = change.events
    assert (event.actor, event.caller_correlation_id, event.correlation_id) == (
        "ana",
        "c",
        str(change.after.id),
    )
    assert event.payload() == {
        "job_id": str(change.after.id),
        "name": "n",
        "command": "true",
        "priority": "NORMAL",
        "queued_by": "ana",
        "class": change.after.demand.key,
        "rerun_of": str(old),
    }
    assert change.after.turn == 4


def test_a_known_fingerprint_is_taken_as_it_is() -> None:
    assert Job.submit(new_job_id(), spec(), at=T0, fingerprint="f").after.fingerprint == "f"
    assert len(submission().after.fingerprint) == 32


def test_the_events_of_a_life_are_those_of_the_specification() -> None:
    worker = new_worker_id()
    life = submission().then(lambda job: job.assign(worker, at=T0)).then(lambda job: job.start(1, at=T0))
    life = life.then(lambda job: job.finish(1, SUCCESS, at=T0))
    id = str(life.after.id)
    assert told(life)[1:] == [
        ("JobAssigned", {"job_id": id, "worker_id": str(worker), "attempt": 1}),
        ("JobStatusChanged", {"job_id": id, "old_state": "SCHEDULED", "new_state": "RUNNING", "attempt": 1}),
        (
            "JobStatusChanged",
            {
                "job_id": id,
                "old_state": "RUNNING",
                "new_state": "SUCCEEDED",
                "attempt": 1,
                "exit_code": 0,
                "reason": "exit",
            },
        ),
    ]


def test_started_at_is_when_the_process_started() -> None:
    job = submission().after.assign(new_worker_id(), at=T0 + SECOND).after
    assert job.started_at is None
    assert job.start(1, at=T0 + MINUTE).after.started_at == T0 + MINUTE


def test_an_attempt_keeps_what_the_worker_told_of_it() -> None:
    current = started().finish(1, FAILURE, at=T0 + MINUTE).after.current
    assert current is not None
    assert (current.number, current.pid, current.limits) == (1, 7, "cgroup")
    assert (current.started_at, current.ended_at, current.result) == (T0 + 2 * SECOND, T0 + MINUTE, FAILURE)


def test_the_decision_is_kept_with_the_attempt() -> None:
    job = submission().after.assign(new_worker_id(), at=T0, score=0.75, reasons=("idle longest",)).after
    assert job.current is not None
    assert (job.current.decision_score, job.current.decision_reasons) == (0.75, ("idle longest",))


def test_a_success_without_a_start_passes_through_running() -> None:
    job = submission().after.assign(new_worker_id(), at=T0 + SECOND).after
    change = job.finish(1, SUCCESS, at=T0 + MINUTE)
    states = [(p["old_state"], p["new_state"]) for _, p in told(change)]
    assert states == [("SCHEDULED", "RUNNING"), ("RUNNING", "SUCCEEDED")]
    assert change.after.started_at == T0 + MINUTE


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (FAILURE, JobState.FAILED),
        (JobResult(reason=Reason.COMMAND_NOT_FOUND, exit_code=127), JobState.FAILED),
        (JobResult(reason=Reason.NOT_EXECUTABLE, exit_code=126), JobState.FAILED),
        (JobResult(reason=Reason.OOM, exit_code=137), JobState.FAILED),
        (JobResult(reason=Reason.EXIT, exit_code=0, signal=9), JobState.FAILED),
        (JobResult(reason=Reason.EXIT), JobState.FAILED),
        (JobResult(reason="vendor-specific"), JobState.FAILED),
        (JobResult(reason=Reason.TIMEOUT_EXECUTION), JobState.TIMEOUT),
        (JobResult(reason=Reason.TIMEOUT_NO_OUTPUT), JobState.TIMEOUT),
        (JobResult(reason=Reason.CANCELLED, signal=15), JobState.CANCELLED),
        (SUCCESS, JobState.SUCCEEDED),
    ],
)
def test_the_result_decides_the_end(result: JobResult, state: JobState) -> None:
    job = started().finish(1, result, at=T0 + MINUTE).after
    assert (job.state, job.result, job.completed_at) == (
        state,
        result,
        T0 + MINUTE if state != "CANCELLED" else job.completed_at,
    )


def test_a_cancelled_job_keeps_how_its_process_ended() -> None:
    job = started().cancel(at=T0 + MINUTE, by="ana", reason="enough").after
    change = job.finish(1, JobResult(reason=Reason.SIGNAL, signal=15), at=T0 + 2 * MINUTE)
    assert change.after.result == JobResult(reason=Reason.CANCELLED, signal=15)
    assert [name for name, _ in told(change)] == ["JobStatusChanged", "JobCancelled"]
    assert told(change)[1][1] == {"job_id": str(job.id), "by": "ana", "reason": "enough"}


def test_a_process_that_finished_before_the_cancel_reached_it_has_succeeded() -> None:
    job = started().cancel(at=T0 + MINUTE).after
    assert job.finish(1, SUCCESS, at=T0 + 2 * MINUTE).after.state is JobState.SUCCEEDED


def test_a_wish_is_kept_and_told_once() -> None:
    change = started().cancel(at=T0 + MINUTE, by="ana", reason="enough")
    assert told(change) == [
        ("JobCancelRequested", {"job_id": str(change.after.id), "attempt": 1, "reason": "enough"})
    ]
    assert change.events[0].actor == "ana"
    assert change.after.state is JobState.RUNNING
    assert change.after.cancel(at=T0 + 2 * MINUTE).is_same


def test_a_queued_job_is_cancelled_at_once() -> None:
    change = submission().after.cancel(at=T0 + MINUTE, by="ana", reason="enough")
    job = change.after
    assert (job.state, job.result) == (
        JobState.CANCELLED,
        JobResult(reason=Reason.CANCELLED, message="enough"),
    )
    assert job.current is None
    assert told(change)[1] == ("JobCancelled", {"job_id": str(job.id), "by": "ana", "reason": "enough"})


def test_no_retry_is_made_after_a_wish() -> None:
    job = started(retry=RetryRules(max_attempts=5)).cancel(at=T0 + MINUTE).after
    for change in (job.finish(1, FAILURE, at=T0), job.lose(1, at=T0, why="x")):
        assert change.after.state is JobState.CANCELLED
    waiting = submission().after.assign(new_worker_id(), at=T0).after.cancel(at=T0).after
    assert waiting.give_back(1, at=T0, why="no stream").after.state is JobState.CANCELLED


def test_a_failure_goes_back_to_the_queue_with_a_wait() -> None:
    retry = RetryRules(max_attempts=2, initial=timedelta(seconds=10), jitter=0.5)
    change = started(retry=retry).finish(1, FAILURE, at=T0 + MINUTE, jitter=1.0)
    job = change.after
    assert (job.state, job.failures, job.not_before) == (
        JobState.PENDING,
        1,
        T0 + MINUTE + timedelta(seconds=15),
    )
    assert (job.started_at, job.progress, job.queued_at) == (None, None, T0 + MINUTE)
    assert [name for name, _ in told(change)] == ["JobStatusChanged", "JobRetried"]
    due = (T0 + MINUTE + timedelta(seconds=15)).isoformat()
    assert told(change)[1][1] == {"job_id": str(job.id), "attempt": 1, "why": "exit", "not_before": due}
    again = job.assign(new_worker_id(), at=T0 + 2 * MINUTE).after
    assert (again.attempt, again.not_before) == (2, None)
    assert again.finish(2, FAILURE, at=T0 + 3 * MINUTE).after.state is JobState.FAILED


def test_losing_workers_has_a_budget_of_its_own() -> None:
    job = started(max_losses=2)
    for losses in (1, 2):
        change = job.lose(job.attempt, at=T0 + MINUTE, why="silent")
        assert (change.after.state, change.after.losses, change.after.failures) == (
            JobState.PENDING,
            losses,
            0,
        )
        assert told(change)[1][0] == "JobRetried"
        job = change.after.assign(new_worker_id(), at=T0 + MINUTE).after
    last = job.lose(3, at=T0 + MINUTE, why="silent").after
    assert last.state is JobState.FAILED
    assert last.result == JobResult(reason=Reason.WORKER_LOST, message="silent")


def test_a_job_that_must_not_run_twice_fails_with_its_worker() -> None:
    job = started(on_worker_lost=OnWorkerLost.FAIL).lose(1, at=T0, why="silent").after
    assert (job.state, job.losses) == (JobState.FAILED, 1)


def test_a_held_job_waits_for_a_person() -> None:
    change = started(on_worker_lost=OnWorkerLost.HOLD, max_losses=0).lose(1, at=T0 + MINUTE, why="silent")
    job = change.after
    assert told(change)[1] == ("JobHeld", {"job_id": str(job.id), "attempt": 1, "why": "silent"})
    assert job.held
    assert not job.is_queued
    with pytest.raises(IllegalMove, match="held"):
        job.assign(new_worker_id(), at=T0)
    free = job.release(at=T0 + 2 * MINUTE, by="ana")
    assert told(free) == [("JobReleased", {"job_id": str(job.id)})]
    assert free.events[0].actor == "ana"
    assert free.after.assign(new_worker_id(), at=T0).after.attempt == 2
    assert job.cancel(at=T0).after.held is False


def test_a_worker_that_says_it_lost_the_job_is_believed() -> None:
    result = JobResult(reason=Reason.WORKER_LOST, message="killed with its machine")
    job = started().finish(1, result, at=T0 + MINUTE).after
    assert (job.state, job.losses, job.failures) == (JobState.PENDING, 1, 0)


def test_what_never_started_goes_back_at_no_cost() -> None:
    job = submission().after.assign(new_worker_id(), at=T0).after
    change = job.give_back(1, at=T0 + SECOND, why="no stream", not_before=T0 + MINUTE)
    assert (change.after.failures, change.after.losses, change.after.not_before) == (0, 0, T0 + MINUTE)
    assert [name for name, _ in told(change)] == ["JobStatusChanged"]
    assert change.after.current is not None
    assert change.after.current.result == JobResult(reason=Reason.GIVEN_BACK, message="no stream")


def undelivered(times: int) -> Job:
    job, at = submission().after, T0
    for _ in range(times):
        at = max(at, job.not_before or at) + SECOND
        job = job.assign(new_worker_id(), at=at).after
        job = job.give_back(job.attempt, at=at, why="no stream").after
    return job


def test_what_comes_back_again_and_again_waits_longer_each_time() -> None:
    waits = []
    for times in range(1, 10):
        job = undelivered(times)
        assert job.state is JobState.PENDING
        waits.append(0 if job.not_before is None else round((job.not_before - job.changed_at) / SECOND))
    assert waits == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_the_tenth_delivery_in_a_row_that_comes_to_nothing_ends_the_job_with_the_reason() -> None:
    job = undelivered(10)
    assert (job.state, job.attempt, job.failures, job.losses) == (JobState.FAILED, 10, 0, 0)
    assert job.result is not None
    assert job.result.reason == Reason.UNDELIVERABLE
    assert job.result.message == "after 10 tries in a row, the last one: no stream"


def test_an_attempt_that_starts_begins_the_count_of_deliveries_anew() -> None:
    job = undelivered(9).assign(new_worker_id(), at=T0 + 10 * MINUTE).after
    lost = job.start(10, at=T0 + 10 * MINUTE).then(lambda j: j.lose(10, at=T0 + 11 * MINUTE, why="silent"))
    again = lost.after.assign(new_worker_id(), at=T0 + 12 * MINUTE).after
    assert again.give_back(11, at=T0 + 12 * MINUTE, why="no stream").after.state is JobState.PENDING


def test_what_no_worker_can_be_told_of_fails_at_once() -> None:
    job = submission().after.assign(new_worker_id(), at=T0).after
    failed = job.give_back(1, at=T0, why="too large", again=False).after
    assert (failed.state, failed.result) == (
        JobState.FAILED,
        JobResult(reason=Reason.UNDELIVERABLE, message="too large"),
    )


def test_what_somebody_says_of_an_end_has_no_nul_where_it_is_kept() -> None:
    asked = started().cancel(at=T0 + MINUTE, reason="a\0b")
    assert told(asked)[0][1]["reason"] == "a\ufffdb"
    assert JobResult(reason="x\0", message="\0").message == "\ufffd"


def test_long_texts_are_cut_where_they_are_kept() -> None:
    assert len(JobResult(reason=Reason.REPORTED, message="x" * 10_000_000).message) == 4096
    asked = started().cancel(at=T0 + MINUTE, reason="x" * 10_000_000)
    assert len(told(asked)[0][1]["reason"]) == 1024
    assert asked.after.cancel_wish is not None
    assert len(asked.after.cancel_wish.reason) == 1024


def test_a_repeated_end_is_told_from_a_stale_one() -> None:
    retry = RetryRules(max_attempts=2)
    back = started(retry=retry).finish(1, FAILURE, at=T0).after
    with pytest.raises(AlreadyEnded):
        back.finish(1, FAILURE, at=T0)
    lost = started().lose(1, at=T0, why="silent").after
    with pytest.raises(StaleAttempt):
        lost.finish(1, SUCCESS, at=T0)
    again = lost.assign(new_worker_id(), at=T0).after
    with pytest.raises(StaleAttempt):
        again.finish(1, SUCCESS, at=T0)
    with pytest.raises(AlreadyEnded):
        started().finish(1, SUCCESS, at=T0).after.report(1, Progress(), at=T0)
    with pytest.raises(StaleAttempt):
        submission().after.start(0, at=T0)


def test_a_job_that_nothing_can_serve_fails_with_the_reason() -> None:
    failed = JobResult(reason=Reason.IMAGE_PULL, message="manifest unknown")
    job = submission().after.give_up(failed, at=T0).after
    assert (job.state, job.result, job.attempt) == (JobState.FAILED, failed, 0)
    with pytest.raises(IllegalMove):
        started().give_up(failed, at=T0)


@pytest.mark.parametrize("clock", [Reason.TIMEOUT_TOTAL, Reason.TIMEOUT_EXECUTION, Reason.TIMEOUT_NO_OUTPUT])
def test_a_clock_ends_a_running_job_by_name(clock: Reason) -> None:
    job = started(clocks=Clocks(execution=MINUTE, no_output=MINUTE, total=MINUTE))
    ended = job.expire(clock, at=T0 + 2 * MINUTE, message="too long").after
    assert (ended.state, ended.result) == (JobState.TIMEOUT, JobResult(reason=clock, message="too long"))


def test_a_clock_that_was_not_set_ends_nothing() -> None:
    for clock in (Reason.TIMEOUT_TOTAL, Reason.TIMEOUT_EXECUTION, Reason.CANCELLED):
        with pytest.raises(IllegalMove):
            started().expire(clock, at=T0)


def test_progress_is_kept_and_told_to_nobody() -> None:
    change = started().report(1, Progress(percentage=40, stage="build"), at=T0)
    assert change.events == ()
    assert change.after.progress == Progress(percentage=40, stage="build")
