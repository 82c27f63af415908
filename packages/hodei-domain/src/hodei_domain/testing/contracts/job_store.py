"""What a store of jobs promises."""

from datetime import timedelta
from typing import Any

import pytest

from hodei_domain.jobs.errors import JobChangedMeanwhile, JobNotFound
from hodei_domain.jobs.job import Job, JobState, Progress
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import (
    Clocks,
    Constraint,
    JobSpec,
    OnWorkerLost,
    Operator,
    Priority,
    Resources,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.kernel.change import Change, same
from hodei_domain.kernel.ids import JobId
from hodei_domain.testing.contracts.base import StoreContract, outcomes
from hodei_domain.testing.making import (
    FAILURE,
    MINUTE,
    SECOND,
    SUCCESS,
    T0,
    new_job_id,
    new_worker_id,
    read_job,
    running,
    save_jobs,
    submission,
    submitted,
)
from hodei_domain.testing.stores import Begin

FULL = JobSpec(
    name="naïve ☃ 'name'",
    command=Shell("printf", ("%s\n", "a b", "")),
    environment={"A": "1", "EMPTY": "", "Ü": "ß"},
    image="docker.io/library/alpine:3.20",
    resources=Resources(cpu_cores=1.5, memory_mib=512, storage_mib=2048, gpu=1, architecture="amd64"),
    constraints=(Constraint("zone", Operator.IN, ("a", "b")), Constraint("gen", Operator.GT, ("3",))),
    provider="docker",
    region="eu-1",
    preferred_provider="near",
    preferred_region="eu-2",
    priority=Priority.HIGH,
    clocks=Clocks(
        queue=timedelta(minutes=5),
        execution=timedelta(milliseconds=1500),
        no_output=timedelta(seconds=30),
        total=timedelta(hours=1),
        grace=timedelta(0),
    ),
    retry=RetryRules(max_attempts=3, exit_codes={1, 2}, signals={9}, reasons={"oom"}, jitter=0.1),
    on_worker_lost=OnWorkerLost.HOLD,
    max_losses=1,
    max_budget=2.5,
    working_dir="/srv/here",
    submit_dir="/home/ana",
    submit_host="desk",
    description="two\nlines",
    labels={"team": "x"},
    tags=("a", "b"),
    stdin="in\n",
    drop_logs=True,
)


class JobStoreContract(StoreContract):
    """JobStore."""

    async def test_a_job_reads_back_as_it_was_saved(self, begin: Begin) -> None:
        change = Job.submit(
            new_job_id(),
            FULL,
            at=T0 + timedelta(microseconds=1),
            queued_by="ana",
            correlation_id="c-1",
            idempotency_key="k-1",
            rerun_of=new_job_id(),
            turn=7,
        )
        [job] = await save_jobs(begin, change)
        assert await read_job(begin, job.id) == job

    async def test_a_script_reads_back_as_it_was_saved(self, begin: Begin) -> None:
        job = await submitted(begin, command=Script("bash", "echo 'x'\n\techo \"$1\"\n", strict=False))
        assert await read_job(begin, job.id) == job

    async def test_a_job_reads_back_after_each_move_of_its_life(self, begin: Begin) -> None:
        job = await submitted(begin, retry=RetryRules(max_attempts=2))
        result = JobResult(
            reason="oom", exit_code=137, signal=9, message="m", cpu_seconds=1.5, peak_memory_mib=64
        )
        moves: list[Any] = [
            lambda j: j.assign(new_worker_id(), at=T0, score=0.5, reasons=("idle",)),
            lambda j: j.start(1, at=T0, pid=4711, limits="cgroup v2"),
            lambda j: j.report(1, Progress(percentage=50, stage="half", message="…"), at=T0),
            lambda j: j.finish(1, result, at=T0),
            lambda j: j.assign(new_worker_id(), at=T0),
            lambda j: j.cancel(at=T0, by="ana", reason="enough"),
            lambda j: j.finish(2, result, at=T0),
        ]
        for move in moves:
            [job] = await save_jobs(begin, move(job))
            assert await read_job(begin, job.id) == job
        assert job.state is JobState.CANCELLED

    async def test_an_unknown_job_is_not_found(self, begin: Begin) -> None:
        async with begin() as tx:
            with pytest.raises(JobNotFound):
                await tx.jobs.get(new_job_id())

    async def test_finding_and_locking_leave_out_what_is_absent(self, begin: Begin) -> None:
        job = await submitted(begin)
        async with begin() as tx:
            assert await tx.jobs.find([new_job_id(), job.id, job.id]) == {job.id: job}
            assert await tx.jobs.lock([job.id, new_job_id()]) == {job.id: job}
            assert await tx.jobs.find([]) == {}
            assert await tx.jobs.lock([]) == {}

    async def test_of_two_saves_from_one_read_the_second_loses(self, begin: Begin) -> None:
        ours = theirs = await submitted(begin)
        [job] = await save_jobs(begin, ours.assign(new_worker_id(), at=T0))
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, theirs.cancel(at=T0))
        assert await read_job(begin, job.id) == job

    async def test_of_two_racing_saves_from_one_read_one_wins(self, begin: Begin) -> None:
        job = await submitted(begin)
        changes = [job.assign(new_worker_id(), at=T0), job.cancel(at=T0), job.assign(new_worker_id(), at=T0)]
        found = await outcomes(*(save_jobs(begin, change) for change in changes))
        lost = [o for o in found if isinstance(o, JobChangedMeanwhile)]
        won = [o for o in found if not isinstance(o, BaseException)]
        assert (len(lost), len(won)) == (2, 1)
        assert [await read_job(begin, job.id)] == won[0]

    async def test_a_refused_save_writes_nothing_of_its_transaction(self, begin: Begin) -> None:
        stale = await submitted(begin)
        await save_jobs(begin, stale.cancel(at=T0))
        other = submission()
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, other, stale.assign(new_worker_id(), at=T0))
        with pytest.raises(JobNotFound):
            await read_job(begin, other.after.id)
        async with begin() as tx:
            assert await tx.audit.by_correlation(str(other.after.id)) == []

    async def test_an_end_is_never_overwritten(self, begin: Begin) -> None:
        job = await running(begin)
        [ended] = await save_jobs(begin, job.finish(1, SUCCESS, at=T0))
        for late in (job.lose(1, at=T0, why="lease"), job.finish(1, FAILURE, at=T0), job.cancel(at=T0)):
            with pytest.raises(JobChangedMeanwhile):
                await save_jobs(begin, late)
        assert await read_job(begin, job.id) == ended

    async def test_a_job_id_is_taken_once(self, begin: Begin) -> None:
        job = await submitted(begin)
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, submission(id=job.id, name="another"))
        assert await read_job(begin, job.id) == job

    async def test_of_racing_submissions_under_one_key_one_is_kept(self, begin: Begin) -> None:
        changes = [submission(idempotency_key="once") for _ in range(4)]
        found = await outcomes(*(save_jobs(begin, change) for change in changes))
        assert sum(isinstance(outcome, JobChangedMeanwhile) for outcome in found) == 3
        async with begin() as tx:
            [kept] = (await tx.jobs.by_idempotency([("", "once"), ("", "never")])).values()
            assert await tx.queue.depth() == 1
        assert kept.id in {change.after.id for change in changes}

    async def test_two_submissions_under_one_key_in_one_save_are_refused(self, begin: Begin) -> None:
        twins = [submission(idempotency_key="once") for _ in range(2)]
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, *twins)
        async with begin() as tx:
            assert await tx.jobs.by_idempotency([("", "once")]) == {}

    async def test_a_worker_holds_one_attempt_at_a_time(self, begin: Begin) -> None:
        worker = new_worker_id()
        first, second = await running(begin, worker), await submitted(begin)
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, second.assign(worker, at=T0))
        await save_jobs(begin, first.finish(1, SUCCESS, at=T0))
        [taken] = await save_jobs(begin, second.assign(worker, at=T0))
        assert await read_job(begin, second.id) == taken

    async def test_one_save_does_not_give_a_worker_two_attempts(self, begin: Begin) -> None:
        worker, jobs = new_worker_id(), [await submitted(begin) for _ in range(2)]
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, *(job.assign(worker, at=T0) for job in jobs))
        async with begin() as tx:
            assert await tx.queue.depth() == 2

    async def test_a_key_is_remembered_after_the_end(self, begin: Begin) -> None:
        job = await submitted(begin, idempotency_key="k")
        other = await submitted(begin, idempotency_key="k", queued_by="bob")
        [job] = await save_jobs(begin, job.cancel(at=T0))
        async with begin() as tx:
            asked = [("", "k"), ("ana", "k"), ("bob", "k")]
            assert await tx.jobs.by_idempotency(asked) == {("", "k"): job, ("bob", "k"): other}

    async def test_many_jobs_are_saved_at_once(self, begin: Begin) -> None:
        changes = [submission(name=f"n{number}", turn=number) for number in range(50)]
        jobs = await save_jobs(begin, *changes)
        async with begin() as tx:
            assert await tx.jobs.find([job.id for job in jobs]) == {job.id: job for job in jobs}
        moves: list[Change[Job]] = [job.cancel(at=T0 + SECOND) for job in jobs]
        cancelled = await save_jobs(begin, *moves)
        async with begin() as tx:
            assert await tx.jobs.find([job.id for job in jobs]) == {job.id: job for job in cancelled}

    async def test_no_change_writes_nothing(self, begin: Begin) -> None:
        job = await submitted(begin)
        await save_jobs(begin, same(job), same(job))
        async with begin() as tx:
            await tx.jobs.save([])
        assert await read_job(begin, job.id) == job

    async def test_moves_that_were_chained_are_saved_as_one(self, begin: Begin) -> None:
        job = await submitted(begin)
        chain = job.assign(new_worker_id(), at=T0).then(lambda j: j.start(1, at=T0))
        await save_jobs(begin, chain)
        assert await read_job(begin, job.id) == chain.after
        with pytest.raises(JobChangedMeanwhile):
            await save_jobs(begin, job.assign(new_worker_id(), at=T0))

    async def test_the_events_of_a_life_are_written_in_order(self, begin: Begin) -> None:
        job = await running(begin, correlation_id="theirs")
        await save_jobs(begin, job.finish(1, SUCCESS, at=T0))
        async with begin() as tx:
            records = await tx.audit.by_correlation(str(job.id))
        assert [record.event_type for record in records] == [
            "JobCreated",
            "JobAssigned",
            "JobStatusChanged",
            "JobStatusChanged",
        ]
        times = [record.occurred_at for record in records]
        assert times == sorted(set(times))
        assert {record.caller_correlation_id for record in records} == {"theirs"}

    async def test_whoever_locks_first_is_not_disturbed(self, begin: Begin) -> None:
        job = await running(begin)

        async def report(percentage: int) -> None:
            async with begin() as tx:
                held = (await tx.jobs.lock([job.id]))[job.id]
                progress = Progress(percentage=percentage)
                await tx.jobs.save([held.report(1, progress, at=T0)])

        assert await outcomes(*(report(number) for number in range(8))) == [None] * 8
        assert (await read_job(begin, job.id)).version == job.version + 8

    async def test_locks_taken_in_opposite_orders_do_not_wait_for_each_other(self, begin: Begin) -> None:
        jobs = [await running(begin) for _ in range(4)]

        async def report(ids: list[JobId]) -> None:
            async with begin() as tx:
                held = await tx.jobs.lock(ids)
                await tx.jobs.save([j.report(1, Progress(percentage=1), at=T0) for j in held.values()])

        ids = [job.id for job in jobs]
        racing = [report(ids if number % 2 else ids[::-1]) for number in range(8)]
        assert await outcomes(*racing) == [None] * 8

    async def test_a_job_lost_and_held_reads_back(self, begin: Begin) -> None:
        job = await running(begin, on_worker_lost=OnWorkerLost.HOLD)
        [held] = await save_jobs(begin, job.lose(1, at=T0 + MINUTE, why="no sign for 45 s"))
        assert held.held
        assert await read_job(begin, job.id) == held
        [free] = await save_jobs(begin, held.release(at=T0 + MINUTE, by="ana"))
        assert await read_job(begin, job.id) == free
        assert free.current is not None
        assert free.current.result == JobResult(reason=Reason.WORKER_LOST, message="no sign for 45 s")
