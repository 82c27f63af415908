"""A bound that only a blunder exceeds: the moves of one job must stay far below what storing them costs."""

from timeit import repeat

from hodei_domain.jobs.job import Job, JobState
from hodei_domain.testing.making import SUCCESS, T0, new_job_id, new_worker_id, spec


def test_no_move_walks_through_the_whole_job() -> None:
    asked, id, worker = spec(environment={"A": "1"}), new_job_id(), new_worker_id()
    huge = spec(environment={str(number): "x" * 100 for number in range(1000)})

    def life(job: Job) -> Job:
        job = job.assign(worker, at=T0).after
        job = job.start(1, at=T0).after
        return job.finish(1, SUCCESS, at=T0).after

    small_job, huge_job = (Job.submit(id, each, at=T0, fingerprint="f").after for each in (asked, huge))
    assert life(small_job).state is JobState.SUCCEEDED
    small, large = (min(repeat(lambda j=j: life(j), number=50, repeat=9)) for j in (small_job, huge_job))
    assert large < small * 3, "a move's cost must not grow with the spec"
