from datetime import timedelta

from hodei_domain.jobs.clocks import CANCEL_BOUND, EXECUTION_SLACK, Deadline, limit_of, next_deadline
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.spec import Clocks, OnWorkerLost, RetryRules
from hodei_domain.testing.making import FAILURE, MINUTE, SECOND, SUCCESS, T0, new_worker_id, submission

ALL = Clocks(queue=MINUTE, execution=2 * MINUTE, no_output=SECOND, total=30 * MINUTE, grace=5 * SECOND)


def scheduled(clocks: Clocks = ALL, **fields: object) -> Job:
    return submission(clocks=clocks, **fields).after.assign(new_worker_id(), at=T0 + SECOND).after


def started(clocks: Clocks = ALL, **fields: object) -> Job:
    return scheduled(clocks, **fields).start(1, at=T0 + 2 * SECOND).after


def test_a_job_without_clocks_has_no_deadline() -> None:
    assert next_deadline(submission().after) is None
    assert next_deadline(started(Clocks())) is None


def test_in_the_queue_the_queue_clock_runs() -> None:
    assert next_deadline(submission(clocks=ALL).after) == Deadline(Reason.TIMEOUT_QUEUE, T0 + MINUTE)


def test_the_first_clock_to_run_out_counts() -> None:
    job = submission(clocks=Clocks(queue=MINUTE, total=SECOND)).after
    assert next_deadline(job) == Deadline(Reason.TIMEOUT_TOTAL, T0 + SECOND)


def test_between_assignment_and_start_only_the_total_clock_runs() -> None:
    assert next_deadline(scheduled()) == Deadline(Reason.TIMEOUT_TOTAL, T0 + 30 * MINUTE)


def test_the_execution_clock_has_slack_for_the_agent_that_keeps_it() -> None:
    due = T0 + 2 * SECOND + 2 * MINUTE + EXECUTION_SLACK
    assert next_deadline(started()) == Deadline(Reason.TIMEOUT_EXECUTION, due)


def test_the_no_output_clock_is_the_agents_alone() -> None:
    assert next_deadline(started(Clocks(no_output=SECOND))) is None
    assert limit_of(started(), Reason.TIMEOUT_NO_OUTPUT) == SECOND, "its word is accepted all the same"


def test_a_cancel_wish_is_bound_by_its_grace() -> None:
    job = started().cancel(at=T0 + 3 * SECOND).after
    due = T0 + 3 * SECOND + 5 * SECOND + CANCEL_BOUND
    assert next_deadline(job) == Deadline(Reason.CANCELLED, due)


def test_a_backoff_is_not_the_queues_fault() -> None:
    retry = RetryRules(max_attempts=2, initial=timedelta(minutes=5), jitter=0)
    job = started(retry=retry).finish(1, FAILURE, at=T0 + MINUTE).after
    assert next_deadline(job) == Deadline(Reason.TIMEOUT_QUEUE, T0 + MINUTE + 5 * MINUTE + MINUTE)


def test_a_held_job_waits_for_a_person_as_long_as_the_total_clock_allows() -> None:
    job = started(on_worker_lost=OnWorkerLost.HOLD).lose(1, at=T0 + MINUTE, why="gone").after
    assert next_deadline(job) == Deadline(Reason.TIMEOUT_TOTAL, T0 + 30 * MINUTE)
    free = job.release(at=T0 + 2 * MINUTE).after
    assert next_deadline(free) == Deadline(Reason.TIMEOUT_QUEUE, T0 + 3 * MINUTE)


def test_no_clock_runs_after_the_end() -> None:
    job = started().finish(1, SUCCESS, at=T0 + MINUTE).after
    assert next_deadline(job) is None
    assert all(limit_of(job, clock) is None for clock in Reason)


def test_what_is_no_clock_never_runs() -> None:
    assert limit_of(started(), "oom") is None
