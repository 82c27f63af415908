"""Lost workers, clocks, deadlines: what ends without anybody saying so."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_application.control_plane import Policy
from hodei_application.jobs.reports import AttemptEnded
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import CancelAttempt, ResultAck, StopAttempt
from hodei_application.workers.hello import Attempted
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Clocks, OnWorkerLost
from hodei_domain.kernel.values import Resources
from hodei_domain.logs.chunk import entries
from hodei_domain.providers.records import Presence, PresenceState
from hodei_domain.workers.worker import WorkerState

CANCELLED = JobResult(reason=Reason.CANCELLED, signal=15)


async def configure(world: World, **settings: Any) -> None:
    await world.control.configure_scheduler(evolve(await world.control.scheduler_config(), **settings))


async def provided(world: World, **spec: Any) -> tuple[ScriptedAgent, Job]:
    """A job that runs on a worker that the provider made."""
    await world.add_provider()
    job = await world.submit(**spec)
    await world.settle()
    [agent] = world.agents.values()
    await agent.start(agent.jobs[0])
    return agent, await world.job(job.id)


async def output(world: World, job: Job) -> bytes:
    async with world.store.begin() as tx:
        chunks = await tx.logs.read(job.id, 0, 100)
    return b"".join(entry.data + b"\n" for chunk in chunks for entry in entries(chunk))


async def test_a_worker_that_falls_silent_loses_its_job_when_the_lease_runs_out(world: World) -> None:
    agent, job = await provided(world)
    await world.pass_time(timedelta(seconds=60))
    await agent.write(job, b"so far\n")
    agent.link.breaks = True  # the network ate it: no end of the stream is seen
    await world.pass_time(timedelta(seconds=40))
    assert (await world.job(job.id)).state is JobState.RUNNING
    await world.pass_time(timedelta(seconds=25))
    again = await world.job(job.id)
    assert (again.attempt, again.losses) == (2, 1)
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED
    told = await output(world, job)
    assert told.startswith(b"so far\nhodei: worker ")
    assert b"output that it had not sent yet is lost" in told


@pytest.mark.parametrize(
    ("policy", "state", "held"),
    [
        (OnWorkerLost.RETRY, JobState.SCHEDULED, False),
        (OnWorkerLost.FAIL, JobState.FAILED, False),
        (OnWorkerLost.HOLD, JobState.PENDING, True),
    ],
)
async def test_the_policy_of_the_job_says_what_becomes_of_it(
    world: World, policy: OnWorkerLost, state: JobState, held: bool
) -> None:
    agent, job = await provided(world, on_worker_lost=policy)
    agent.link.breaks = True
    await world.pass_time(timedelta(seconds=80))
    after = await world.job(job.id)
    assert (after.state, after.held) == (state, held)


async def test_a_worker_that_comes_back_too_late_changes_nothing_and_must_stop(world: World) -> None:
    agent, job = await provided(world)
    old = agent.link
    old.breaks = True
    await world.pass_time(timedelta(seconds=80))
    before = await world.job(job.id)
    old.breaks = False
    await world.control.report_attempt(old, AttemptEnded(job.id, 1, JobResult(reason="exit", exit_code=0)))
    await world.control.engine.intake.settled()
    assert await world.job(job.id) == before


async def test_a_worker_that_is_back_within_the_lease_goes_on(world: World) -> None:
    agent, job = await provided(world)
    await world.pass_time(timedelta(seconds=60))
    await agent.disconnect()
    await world.pass_time(timedelta(seconds=30))
    await agent.connect(running=(Attempted(job.id, 1),))
    await world.pass_time(timedelta(seconds=60))
    assert (await world.job(job.id)).attempt == 1
    await agent.finish(job)
    assert (await world.job(job.id)).state is JobState.SUCCEEDED


async def test_after_a_start_of_the_server_workers_get_time_to_come_back(world: World) -> None:
    agent, job = await provided(world)
    await world.control.stop()
    world.clock.advance(timedelta(minutes=10))  # leases ran out long ago
    world.control = world.replica("two")
    agent.control = world.control
    agent.link.breaks = True
    await world.pass_time(timedelta(seconds=20))
    assert (await world.job(job.id)).state is JobState.RUNNING
    await agent.connect(running=(Attempted(job.id, 1),))
    await world.pass_time(timedelta(seconds=60))
    assert (await world.job(job.id)).attempt == 1


async def test_what_the_engine_says_beats_silence(world: World) -> None:
    agent, job = await provided(world)
    world.provider.see(agent.worker_id, Presence(state=PresenceState.EXITED, exit_code=137, reason="killed"))
    await agent.disconnect()
    await world.pass_time(timedelta(seconds=4))
    again = await world.job(job.id)
    assert again.attempt == 2
    [first, _] = await world.attempts(job.id)
    assert first.result is not None
    assert first.result.message == "it exited with 137: killed"


async def test_the_engines_word_counts_also_of_those_whose_server_died_without_a_word(
    world: World,
) -> None:
    agent, job = await provided(world)
    world.provider.see(agent.worker_id, Presence(state=PresenceState.EXITED, exit_code=137, reason="killed"))
    agent.link.breaks = True
    world.control = world.replica(
        "two"
    )  # the first one was killed: nobody has written that the stream is gone
    assert (await world.worker(agent.worker_id)).connected
    await world.pass_time(timedelta(seconds=25))
    assert (await world.job(job.id)).attempt == 2


async def test_a_worker_that_is_heard_is_not_taken_away_whatever_the_engine_says(world: World) -> None:
    agent, job = await provided(world)
    world.provider.see(agent.worker_id, Presence(state=PresenceState.EXITED))
    await world.pass_time(timedelta(minutes=2))
    assert (await world.job(job.id)).attempt == 1


async def test_a_worker_that_ran_out_of_memory_fails_its_job_with_that_reason(world: World) -> None:
    agent, job = await provided(world)
    world.provider.see(agent.worker_id, Presence(state=PresenceState.EXITED, reason="oom", exit_code=137))
    await agent.disconnect()
    await world.settle()
    ended = await world.job(job.id)
    assert (ended.state, ended.result and ended.result.reason) == (JobState.FAILED, Reason.OOM)


async def test_a_worker_whose_stream_broke_and_that_still_exists_is_left_to_its_lease(world: World) -> None:
    agent, job = await provided(world)
    await agent.disconnect()
    await world.pass_time(timedelta(seconds=10))
    assert (await world.job(job.id)).attempt == 1
    world.provider.outage = "no answer"
    await world.pass_time(timedelta(seconds=5))
    assert (await world.job(job.id)).attempt == 1


async def test_a_worker_that_dies_while_it_starts_is_replaced_before_its_deadline(world: World) -> None:
    world.agents_come = False
    await world.add_provider()
    await world.submit()
    await world.settle()
    [first] = world.provider.made
    world.provider.see(first, Presence(state=PresenceState.EXITED, exit_code=1))
    await world.pass_time(timedelta(seconds=10))
    assert first not in world.provider.made
    assert len(world.provider.made) == 1


async def test_a_worker_that_bound_again_while_it_was_suspected_is_left_alone(world: World) -> None:
    agent, job = await provided(world)
    await agent.disconnect()
    suspect = await world.worker(agent.worker_id)
    await agent.connect(running=(Attempted(job.id, 1),))
    gone = Presence(state=PresenceState.ABSENT)
    await world.control.engine.leader.keeper.presence.gone(suspect, gone)
    assert (await world.job(job.id)).state is JobState.RUNNING
    assert (await world.worker(agent.worker_id)).state is WorkerState.BUSY


async def test_a_job_that_waits_too_long_times_out_and_names_the_clock(world: World) -> None:
    job = await world.submit(clocks=Clocks(queue=timedelta(seconds=5)))
    await world.pass_time(timedelta(seconds=4))
    assert (await world.job(job.id)).state is JobState.PENDING
    await world.pass_time(timedelta(seconds=2))
    ended = await world.job(job.id)
    assert (ended.state, ended.result and ended.result.reason) == (JobState.TIMEOUT, Reason.TIMEOUT_QUEUE)


async def test_a_job_that_waits_too_long_names_what_it_waited_for(world: World) -> None:
    await world.add_provider(max_workers=1)
    await world.submit()
    await world.settle()
    five_seconds = Clocks(queue=timedelta(seconds=5))
    full = await world.submit(clocks=five_seconds)
    never = await world.submit(clocks=five_seconds, resources=Resources(gpu=1))
    await world.pass_time(timedelta(seconds=7))
    for job, why in ((full, "scripted: is at its limit of 1 workers"), (never, "scripted: has no GPUs")):
        ended = await world.job(job.id)
        assert ended.result is not None
        assert ended.result.reason == Reason.TIMEOUT_QUEUE
        assert why in ended.result.message


async def test_a_worker_is_told_when_the_total_time_is_over_and_its_word_is_the_end(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, clocks=Clocks(total=timedelta(seconds=20)))
    await world.pass_time(timedelta(seconds=21))
    assert agent.told(CancelAttempt)[0] == CancelAttempt(job.id, 1, timedelta(seconds=10), "timeout:total")
    await agent.finish(job, JobResult(reason=Reason.TIMEOUT_TOTAL, signal=15))
    ended = await world.job(job.id)
    assert (ended.state, ended.result and ended.result.signal) == (JobState.TIMEOUT, 15)
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_a_worker_that_does_not_end_a_job_in_time_is_destroyed(world: World) -> None:
    agent, job = await provided(world, clocks=Clocks(total=timedelta(seconds=20)))
    await world.pass_time(timedelta(seconds=33))
    assert (await world.job(job.id)).state is JobState.RUNNING
    await world.pass_time(timedelta(seconds=10))
    ended = await world.job(job.id)
    assert (ended.state, ended.result and ended.result.reason) == (JobState.TIMEOUT, Reason.TIMEOUT_TOTAL)
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED
    assert agent.worker_id not in world.provider.made


@pytest.mark.parametrize("is_legacy", [False, True])
async def test_a_cancelled_job_ends_even_if_its_worker_never_confirms(world: World, is_legacy: bool) -> None:
    agent, job = await provided(world)
    agent.is_legacy = is_legacy
    await world.control.cancel_job(job.id)
    assert len(agent.told(CancelAttempt)) == 1
    await world.pass_time(timedelta(seconds=40))
    assert (await world.job(job.id)).state is JobState.CANCELLED
    assert agent.worker_id not in world.provider.made
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_an_old_worker_that_confirms_a_cancel_is_destroyed_all_the_same(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    job = await world.running(agent)
    await world.control.cancel_job(job.id)
    await agent.say(AttemptEnded(job.id, 1, CANCELLED))
    assert (await world.job(job.id)).state is JobState.CANCELLED
    await world.settle()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_an_overdue_job_whose_worker_is_connected_elsewhere_is_told_there(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, clocks=Clocks(total=timedelta(seconds=20)))
    mine, world.control = world.control, world.replica("two")
    async with world.store.begin() as tx:
        await tx.leaders.release("leader", "one")
    world.clock.advance(timedelta(seconds=25))
    await world.control.engine.leader.step()
    assert "wish" in world.hints
    mine.hinted("wish")
    await mine.engine.wishes()
    assert agent.told(CancelAttempt)[-1].reason == "timeout:total"
    assert job.id == agent.told(CancelAttempt)[-1].job_id


async def test_idle_workers_go_after_a_while_but_those_to_be_kept_stay(world: World) -> None:
    await configure(world, idle_ttl=timedelta(seconds=60), min_idle=1)
    await world.add_provider()
    jobs = [await world.submit() for _ in range(3)]
    await world.settle()
    for agent in list(world.agents.values()):
        for job in agent.jobs:
            await agent.finish(job)
    assert len(jobs) == 3
    await world.pass_time(timedelta(seconds=90))
    assert len(world.provider.made) == 1


async def test_a_worker_at_its_lifetime_goes_when_it_is_idle_and_finishes_first_when_it_is_not(
    world: World,
) -> None:
    await configure(world, max_lifetime=timedelta(minutes=2), idle_ttl=timedelta(days=1))
    agent, job = await provided(world)
    await world.pass_time(timedelta(minutes=2, seconds=10))
    assert (await world.worker(agent.worker_id)).state is WorkerState.DRAINING
    assert (await world.job(job.id)).state is JobState.RUNNING
    await agent.finish(job)
    await world.settle()
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED

    second = await world.submit()
    await world.settle()
    idle = list(world.agents.values())[-1]
    await idle.finish(idle.jobs[0])
    assert idle.jobs[0].id == second.id
    await world.pass_time(timedelta(minutes=2, seconds=10))
    assert (await world.worker(idle.worker_id)).state is WorkerState.TERMINATED


async def test_no_job_ends_because_its_worker_is_old(world: World) -> None:
    await configure(world, max_lifetime=timedelta(minutes=2))
    agent, job = await provided(world)
    await world.pass_time(timedelta(minutes=10))
    assert (await world.job(job.id)).state is JobState.RUNNING
    await agent.finish(job)
    await world.pass_time(timedelta(seconds=10))
    assert (await world.job(job.id)).losses == 0
    assert agent.worker_id not in world.provider.made


async def test_an_idle_worker_that_never_comes_back_is_destroyed(world: World) -> None:
    agent, job = await provided(world)
    await agent.finish(job)
    await world.pass_time(timedelta(seconds=31))
    await agent.disconnect()
    await world.pass_time(timedelta(seconds=30))
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    await world.pass_time(timedelta(seconds=30))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_after_a_start_idle_workers_get_time_to_come_back_too(world: World) -> None:
    agent, job = await provided(world)
    await agent.finish(job)
    await world.control.stop()
    await agent.disconnect()
    world.clock.advance(timedelta(minutes=3))
    world.control = agent.control = world.replica("two")
    await world.pass_time(timedelta(seconds=20))
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    await agent.connect()
    await world.pass_time(timedelta(seconds=60))
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY


async def test_a_worker_that_was_started_by_hand_gets_longer_to_come_back(world: World) -> None:
    agent = await world.add_worker()
    await world.pass_time(timedelta(seconds=31))
    await agent.disconnect()
    await world.pass_time(timedelta(minutes=5))
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    await world.pass_time(timedelta(minutes=6))
    assert (await world.worker(agent.worker_id)).state is WorkerState.TERMINATED


async def test_a_stop_is_sent_for_what_a_worker_goes_on_with_after_its_job_was_ended(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.control.complete_job(f"{job.id}/1", exit_code=0)
    assert agent.told(StopAttempt)[-1].attempt == 1
    await agent.finish(job)
    assert agent.told(ResultAck)[-1].accepted is True


async def test_reaping_what_is_over_already_does_nothing(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    done, worker = await world.job(job.id), await world.worker(agent.worker_id)
    reaper = world.control.engine.reaper
    await reaper.take_away(agent.worker_id, "late", expected=(job.id, 1))
    await reaper.take_away(agent.worker_id, "late", still=lambda w: w.state is WorkerState.BUSY)
    assert await world.job(job.id) == done
    assert await world.worker(agent.worker_id) == worker


async def test_a_lost_attempt_whose_workers_row_is_missing_is_lost_all_the_same(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    world.store.tables.workers.rows.pop(agent.worker_id)
    await world.control.engine.reaper.take_away(agent.worker_id, "gone", expected=(job.id, 1))
    assert (await world.job(job.id)).losses == 1


async def test_clocks_that_stopped_meanwhile_are_passed_over(world: World) -> None:
    from hodei_domain.jobs.views import Overdue

    agent = await world.add_worker()
    job = await world.running(agent, clocks=Clocks(queue=timedelta(seconds=1)))
    keeper = world.control.engine.leader.timekeeper
    await keeper._expire(Overdue(job_id=job.id, clock=Reason.TIMEOUT_QUEUE, attempt=1))
    await keeper.enforce([Overdue(job_id=job.id, clock=Reason.TIMEOUT_QUEUE, attempt=7)])
    await keeper._force(job, Reason.TIMEOUT_TOTAL)
    assert await world.job(job.id) == job
    assert (await world.worker(agent.worker_id)).state is WorkerState.BUSY
    ended = await world.submit()
    await world.control.cancel_job(ended.id)
    await keeper._force(await world.job(ended.id), Reason.CANCELLED)


async def test_short_leases_are_judged_by_the_same_rules() -> None:
    world = World(policy=Policy(lease=timedelta(seconds=9), flush=timedelta(seconds=3)))
    agent = await world.add_worker()
    job = await world.running(agent)
    await world.pass_time(timedelta(seconds=40))
    agent.link.breaks = True
    await world.pass_time(timedelta(seconds=30))
    assert (await world.job(job.id)).losses == 1
    await world.control.stop()


async def test_a_stale_survey_takes_no_job_from_a_worker_that_got_it_since(world: World) -> None:
    await configure(world, idle_ttl=timedelta(seconds=60))
    agent, job = await provided(world)
    await agent.finish(job)
    await world.pass_time(timedelta(seconds=59))
    stale = await world.live()
    second = await world.submit()
    await world.control.engine.dispatcher.step()
    world.clock.advance(timedelta(seconds=5))
    await world.control.engine.reaper.judge(stale, may_judge=True)
    assert (await world.job(second.id)).state is JobState.SCHEDULED
    assert (await world.worker(agent.worker_id)).state is WorkerState.BUSY


async def test_a_worker_that_changes_its_job_while_it_is_taken_away_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hodei_domain.testing.fakes.workers import MemoryWorkers

    agent = await world.add_worker()
    job = await world.running(agent)
    real = MemoryWorkers.find
    outdated = [evolve(await world.worker(agent.worker_id), job_id=None, attempt=None)]

    async def find(self: Any, ids: Any) -> Any:
        rows = await real(self, ids)
        return {agent.worker_id: outdated.pop()} if outdated else rows

    monkeypatch.setattr(MemoryWorkers, "find", find)
    monkeypatch.setattr(MemoryWorkers, "lock", real)
    await world.control.engine.reaper.take_away(agent.worker_id, "test")
    assert (await world.job(job.id)).losses == 1
