import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hodei_application.logs.follow_logs import LogRequest
from hodei_application.logs.log_hub import LogHub
from hodei_application.testing import ScriptedAgent, World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, Run, entries, pack_runs

FAILURE = JobResult(reason="exit", exit_code=1)


class Follower:
    """Somebody who follows a job's output and keeps the lines."""

    def __init__(self, world: World, job: Job, **wanted: int | bool | None) -> None:
        self.lines: list[bytes] = []
        self.sequences: list[int] = []
        self._came = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        request = LogRequest(job_id=job.id, **wanted)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self._follow(world, request))

    async def _follow(self, world: World, request: LogRequest) -> None:
        async for chunk in world.control.follow_logs(request):
            for entry in entries(chunk):
                self.lines.append(entry.data)
                self.sequences.append(entry.sequence)
            self._came.set()
            await self.gate.wait()

    async def has(self, count: int) -> list[bytes]:
        while len(self.lines) < count:
            self._came.clear()
            await self._came.wait()
        return self.lines


async def running(world: World, **spec: object) -> tuple[ScriptedAgent, Job]:
    agent = await world.add_worker()
    return agent, await world.running(agent, **spec)


async def settle_readers() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_history_then_live_output_without_gap_or_duplicate_until_the_end(world: World) -> None:
    agent, job = await running(world)
    await agent.write(job, b"1\n2\n")
    follower = Follower(world, job)
    await follower.has(2)
    await agent.write(job, b"3\n")
    await agent.write(job, b"4\n5\n")
    await agent.finish(job)
    await follower.task
    assert follower.lines == [b"1", b"2", b"3", b"4", b"5"]
    assert follower.sequences == sorted(set(follower.sequences))
    assert world.control.follow_logs.logs.followers.keys() == []


async def test_the_output_of_a_finished_job_is_given_whole(world: World) -> None:
    agent, job = await running(world)
    for number in range(50):  # more than one page
        await agent.write(job, b"%d\n" % number)
    await agent.finish(job)
    follower = Follower(world, job)
    await follower.task
    assert follower.lines == [b"%d" % number for number in range(50)]


async def test_only_what_is_stored_ends_there_though_the_job_goes_on(world: World) -> None:
    agent, job = await running(world)
    assert [
        chunk async for chunk in world.control.follow_logs(LogRequest(job_id=job.id, stored_only=True))
    ] == []
    await agent.write(job, b"1\n2\n")
    follower = Follower(world, job, stored_only=True, since=1)
    await follower.task
    assert follower.lines == [b"2"]


async def test_the_last_lines_and_what_follows(world: World) -> None:
    agent, job = await running(world)
    await agent.write(job, b"1\n2\n3\n4\n")
    follower = Follower(world, job, tail=2)
    await follower.has(2)
    await agent.write(job, b"5\n")
    await agent.finish(job)
    await follower.task
    assert follower.lines == [b"3", b"4", b"5"]


async def test_from_a_sequence_on(world: World) -> None:
    agent, job = await running(world)
    await agent.write(job, b"1\n2\n3\n")
    await agent.finish(job)
    follower = Follower(world, job, since=2)
    await follower.task
    assert follower.lines == [b"3"]


async def test_from_an_offset_on_the_chunk_that_has_it_is_given_whole(world: World) -> None:
    agent, job = await running(world)
    await agent.write(job, b"one\n")
    await agent.write(job, b"two\n")
    await agent.finish(job)
    follower = Follower(world, job, from_offset=5)
    await follower.task
    assert follower.lines == [b"two"]


async def test_without_history_only_what_comes_from_now_on(world: World) -> None:
    agent, job = await running(world)
    await agent.write(job, b"old\n")
    follower = Follower(world, job, history=False)
    await settle_readers()
    await agent.write(job, b"new\n")
    await agent.finish(job)
    await follower.task
    assert follower.lines == [b"new"]


async def test_a_job_that_waits_can_be_followed_from_before_its_start(world: World) -> None:
    job = await world.submit()
    followers = [Follower(world, job), Follower(world, job, history=False)]
    await settle_readers()
    agent = await world.add_worker()
    await world.settle()
    await agent.write(agent.jobs[0], b"hello\n")
    await agent.finish(agent.jobs[0])
    for follower in followers:
        await follower.task
        assert follower.lines == [b"hello"]


async def test_a_second_attempt_goes_on_after_the_first(world: World) -> None:
    agent, job = await running(world, retry=RetryRules(max_attempts=2))
    follower = Follower(world, job)
    await agent.write(job, b"first\n")
    await agent.finish(job, FAILURE)
    await world.pass_time(timedelta(seconds=3))
    second = agent.jobs[-1]
    assert second.attempt == 2
    await agent.write(second, b"second\n")
    await agent.finish(second)
    await follower.task
    assert follower.lines == [b"first", b"second"]


async def test_who_reads_too_slowly_catches_up_from_the_store_and_holds_nobody_up(world: World) -> None:
    agent, job = await running(world)
    slow, quick = Follower(world, job), Follower(world, job)
    await settle_readers()
    slow.gate.clear()
    hub = world.control.follow_logs.logs
    hub.followers.room = 100
    for subscriber in hub.followers._subscribers[job.id]:
        subscriber._room = 1000
    lines = [b"line %03d" % number for number in range(100)]
    for line in lines:
        await agent.write(job, line + b"\n")
        await settle_readers()
    assert quick.lines == lines
    assert len(slow.lines) <= 1
    slow.gate.set()
    await agent.finish(job)
    await asyncio.gather(slow.task, quick.task)
    assert slow.lines == lines


async def test_a_follower_that_vanishes_is_forgotten(world: World) -> None:
    agent, job = await running(world)
    follower = Follower(world, job)
    await settle_readers()
    assert world.control.follow_logs.logs.followers.keys() == [job.id]
    follower.task.cancel()
    await asyncio.wait([follower.task])
    assert world.control.follow_logs.logs.followers.keys() == []
    await agent.write(job, b"nobody listens\n")


async def test_output_that_came_in_through_another_replica_is_read_from_the_store(world: World) -> None:
    agent, job = await running(world)
    elsewhere = World(clock=world.clock)
    elsewhere.store = world.store
    elsewhere.control = elsewhere.replica("two")
    follower = Follower(elsewhere, job)
    await agent.write(job, b"1\n")
    assert await elsewhere.control.engine.refresh() is not None  # soon again: the worker is not here
    assert await follower.has(1) == [b"1"]
    await agent.write(job, b"2\n")
    await agent.finish(job)
    await elsewhere.control.engine.refresh()
    await follower.task
    assert follower.lines == [b"1", b"2"]


async def test_a_hole_in_what_is_heard_is_filled_from_the_store(world: World) -> None:
    agent, job = await running(world)
    follower = Follower(world, job)
    await settle_readers()
    async with world.store.begin() as tx:  # stored through another replica: nobody here hears of it
        await tx.logs.append([agent.chunk(job, b"unheard\n")])
    await agent.write(job, b"heard\n")
    await agent.finish(job)
    await follower.task
    assert follower.lines == [b"unheard", b"heard"]


async def test_what_is_both_stored_and_heard_at_the_seam_is_given_once(world: World) -> None:
    agent, job = await running(world)
    async with world.store.begin() as tx:
        follower = Follower(world, job)
        await settle_readers()  # it listens, and waits for the store
        both, part = agent.chunk(job, b"1\n2\n"), agent.chunk(job, b"3\n4\n")
        await tx.logs.append([both, part])
    hub = world.control.follow_logs.logs
    hub.stored(both)
    await follower.has(4)
    hub.stored(part)
    hub.stored(evolve(part, lines=1, data=b"3\n", runs=pack_runs([Run(0, 1, 0, 2)])))
    await agent.write(job, b"5\n")
    await agent.finish(job)
    await follower.task
    assert follower.lines == [b"1", b"2", b"3", b"4", b"5"]


async def test_a_cancelled_job_ends_its_followers(world: World) -> None:
    job = await world.submit()
    follower = Follower(world, job)
    await settle_readers()
    await world.control.cancel_job(job.id)
    await follower.task
    assert follower.lines == []
    assert (await world.job(job.id)).state is JobState.CANCELLED


async def test_an_unknown_job_cannot_be_followed(world: World) -> None:
    with pytest.raises(JobNotFound):
        await anext(aiter(world.control.follow_logs(LogRequest(job_id=JobId(UUID(int=1))))))


def test_a_chunk_of_a_job_that_nobody_follows_costs_a_look_into_a_dictionary() -> None:
    hub = LogHub()
    chunk = LogChunk(
        job_id=JobId(UUID(int=1)),
        attempt=1,
        first_sequence=0,
        lines=1,
        first_offset=0,
        base_time_us=0,
        runs=b"",
        data=b"x",
    )
    hub.stored(chunk)
    assert hub.followers.keys() == []
