"""What a job spent its time on."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import JobSpec, RetryRules, Shell
from hodei_domain.jobs.timeline import Phase, PhaseName, timeline_of
from hodei_domain.testing.making import FAILURE, SECOND, SUCCESS, T0, new_job_id, new_worker_id

N = PhaseName


def queued(**spec: object) -> Job:
    spec = {"command": Shell("true"), **spec}
    return Job.submit(new_job_id(), JobSpec(**spec), at=T0).after  # type: ignore[arg-type]


def names(phases: list[Phase]) -> list[tuple[PhaseName, int]]:
    return [(phase.name, phase.attempt) for phase in phases]


def follows(phases: list[Phase]) -> bool:
    return all(a.ended_at == b.started_at for a, b in pairwise(phases))


def test_a_job_that_waits_has_waited_since_it_came() -> None:
    (phase,) = timeline_of(queued(), [], [])
    assert (phase.name, phase.attempt, phase.started_at, phase.ended_at) == (N.QUEUED, 1, T0, None)


def test_a_job_that_ran_was_queued_handed_over_and_ran() -> None:
    job = queued().assign(new_worker_id(), at=T0 + SECOND).after
    job = job.start(1, at=T0 + 2 * SECOND).after.finish(1, SUCCESS, at=T0 + 5 * SECOND).after
    assert job.current is not None
    phases = timeline_of(job, [job.current], [])
    assert names(phases) == [(N.QUEUED, 1), (N.STARTING, 1), (N.RUNNING, 1)]
    assert follows(phases)
    assert (phases[0].started_at, phases[-1].ended_at) == (T0, T0 + 5 * SECOND)
    assert not any(phase.failed for phase in phases)


def test_making_a_worker_and_fetching_its_image_are_told_apart() -> None:
    job = queued().assign(new_worker_id(), at=T0 + 9 * SECOND).after
    assert job.current is not None
    stages = [
        (T0 + 1 * SECOND, "w", "making a worker"),
        (T0 + 2 * SECOND, "w", "pulling alpine:3.20"),
        (T0 + 6 * SECOND, "w", "started"),
    ]
    phases = timeline_of(job, [job.current], stages)
    assert [phase.name for phase in phases] == [
        N.QUEUED,
        N.PROVISIONING,
        N.IMAGE,
        N.PROVISIONING,
        N.STARTING,
    ]
    assert follows(phases)
    assert phases[2].detail == "pulling alpine:3.20"
    assert phases[-1].ended_at is None


def test_a_worker_that_did_not_come_is_seen_as_a_failure() -> None:
    stages = [
        (T0 + 1 * SECOND, "a", "making a worker"),
        (T0 + 2 * SECOND, "a", "failed: no such image"),
    ]
    phases = timeline_of(queued(), [], stages)
    assert [(phase.name, phase.failed) for phase in phases] == [
        (N.QUEUED, False),
        (N.PROVISIONING, True),
        (N.QUEUED, False),
    ]
    assert phases[1].detail == "no such image"
    assert follows(phases)


PULLED = [(T0 + 1 * SECOND, "a", "making a worker"), (T0 + 2 * SECOND, "a", "pulling x:1")]


def test_an_image_that_could_not_be_pulled_is_a_failed_step_with_the_registry_s_words() -> None:
    stages = [*PULLED, (T0 + 3 * SECOND, "a", "failed: cannot pull x:1: denied")]
    result = JobResult(reason=Reason.IMAGE_PULL, message="cannot pull x:1: denied")
    job = queued().give_up(result, at=T0 + 4 * SECOND).after
    phases = timeline_of(job, [], stages)
    assert [(phase.name, phase.failed, phase.detail) for phase in phases] == [
        (N.QUEUED, False, ""),
        (N.PROVISIONING, False, "making a worker"),
        (N.IMAGE, True, "cannot pull x:1: denied"),
    ]
    assert follows(phases)
    assert phases[-1].ended_at == T0 + 4 * SECOND


def test_a_pull_that_is_tried_again_is_a_step_of_its_own() -> None:
    failed = (T0 + 3 * SECOND, "a", "failed: cannot pull x:1: 429 too many requests")
    again = [(T0 + 5 * SECOND, "b", "making a worker"), (T0 + 6 * SECOND, "b", "pulling x:1")]
    phases = timeline_of(queued(), [], [*PULLED, failed, *again])
    assert [(phase.name, phase.failed) for phase in phases[2:]] == [
        (N.IMAGE, True),
        (N.QUEUED, False),
        (N.PROVISIONING, False),
        (N.IMAGE, False),
    ]
    assert follows(phases)
    assert phases[-1].ended_at is None


def test_an_image_that_another_worker_did_not_wait_for_was_not_pulled_for_the_job() -> None:
    theirs = new_worker_id()
    job = queued().assign(theirs, at=T0 + 9 * SECOND).after
    assert job.current is not None
    ours = timeline_of(job, [job.current], [(at, str(theirs), stage) for at, _, stage in PULLED])
    assert (ours[2].name, ours[2].detail) == (N.IMAGE, "pulling x:1")
    phases = timeline_of(job, [job.current], PULLED)
    assert (phases[2].name, phases[2].detail) == (N.QUEUED, "another worker took it")
    assert follows(phases)


def test_a_queue_timeout_after_a_failure_is_told_beside_it() -> None:
    stages = [*PULLED, (T0 + 3 * SECOND, "a", "failed: cannot pull x:1: refused")]
    job = queued().give_up(JobResult(reason=Reason.TIMEOUT_QUEUE, message="late"), at=T0 + 60 * SECOND).after
    phases = timeline_of(job, [], stages)
    assert [(phase.name, phase.failed, phase.detail) for phase in phases[2:]] == [
        (N.IMAGE, True, "cannot pull x:1: refused"),
        (N.QUEUED, True, "late"),
    ]


def test_each_attempt_has_its_own_wait() -> None:
    job = queued(retry=RetryRules(max_attempts=2, initial=timedelta(seconds=2), jitter=0.0))
    job = job.assign(new_worker_id(), at=T0 + SECOND).after.start(1, at=T0 + 2 * SECOND).after
    job = job.finish(1, FAILURE, at=T0 + 3 * SECOND).after
    first = job.current
    assert first is not None
    waiting = timeline_of(job, [first], [])
    assert names(waiting)[-2:] == [(N.RUNNING, 1), (N.QUEUED, 2)]
    assert waiting[-2].failed
    job = job.assign(new_worker_id(), at=T0 + 6 * SECOND).after.start(2, at=T0 + 7 * SECOND).after
    assert job.current is not None
    phases = timeline_of(job, [first, job.current], [])
    assert names(phases)[3:] == [(N.QUEUED, 2), (N.STARTING, 2), (N.RUNNING, 2)]
    assert follows(phases)


def test_a_job_that_was_told_to_stop_shows_how_long_that_took() -> None:
    job = queued().assign(new_worker_id(), at=T0 + SECOND).after.start(1, at=T0 + 2 * SECOND).after
    job = job.cancel(at=T0 + 5 * SECOND).after
    result = JobResult(reason=Reason.CANCELLED, signal=9)
    job = job.finish(1, result, at=T0 + 8 * SECOND).after
    assert job.current is not None
    phases = timeline_of(job, [job.current], [])
    assert names(phases)[-2:] == [(N.RUNNING, 1), (N.CLEANUP, 1)]
    assert phases[-1].started_at == T0 + 5 * SECOND
    assert follows(phases)


def test_a_job_that_ended_in_the_queue_says_why() -> None:
    job = queued().cancel(at=T0 + SECOND, reason="mistake").after
    (phase,) = timeline_of(job, [], [])
    assert (phase.name, phase.attempt, phase.failed, phase.detail) == (N.QUEUED, 0, True, "mistake")
