import asyncio
from uuid import UUID

import pytest
from attrs import evolve
from hodei_application.jobs.watch_job import REMOTE
from hodei_application.testing import World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.ids import JobId

S = JobState


class Watcher:
    """Somebody who watches a job; `seen` grows as moves come in."""

    def __init__(self, world: World, job: Job) -> None:
        self.seen: list[JobState] = []
        self._moved = asyncio.Event()
        self.task = asyncio.create_task(self._watch(world, job.id))

    async def _watch(self, world: World, job_id: JobId) -> None:
        async for job in world.control.watch_job(job_id):
            self.seen.append(job.state)
            self._moved.set()

    async def has_seen(self, count: int) -> None:
        while len(self.seen) < count:
            self._moved.clear()
            await self._moved.wait()


async def test_a_watcher_sees_the_present_state_and_every_move_until_the_end(world: World) -> None:
    job = await world.submit()
    watcher = Watcher(world, job)
    await watcher.has_seen(1)
    agent = await world.add_worker()
    await world.settle()
    await agent.start(agent.jobs[0])
    await agent.finish(agent.jobs[0])
    await watcher.task
    assert watcher.seen == [S.PENDING, S.SCHEDULED, S.RUNNING, S.SUCCEEDED]
    assert world.control.engine.refresh.moves.watched() == []


async def test_watching_a_job_that_is_over_shows_its_end_and_ends(world: World) -> None:
    job = await world.submit()
    await world.control.cancel_job(job.id)
    watcher = Watcher(world, job)
    await watcher.task
    assert watcher.seen == [S.CANCELLED]


async def test_moves_that_another_replica_made_are_seen_at_the_next_refresh(world: World) -> None:
    job = await world.submit()
    watcher = Watcher(world, job)
    await watcher.has_seen(1)
    await world.replica("two").cancel_job(job.id)
    assert watcher.seen == [S.PENDING]
    await world.control.engine.refresh()
    await watcher.task
    assert watcher.seen == [S.PENDING, S.CANCELLED]


async def test_a_watcher_that_missed_moves_reads_the_job_again(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    watcher = Watcher(world, job)
    await watcher.has_seen(1)
    [subscriber] = world.control.watch_job.moves.watchers._subscribers[job.id]
    for _ in range(100):
        subscriber.offer(job, 1)
    await world.settle()
    await agent.finish(agent.jobs[0])
    await watcher.task
    assert watcher.seen[-1] is S.SUCCEEDED


async def test_watching_an_unknown_job_is_refused_and_leaves_nobody_listening(world: World) -> None:
    with pytest.raises(JobNotFound):
        await anext(aiter(world.control.watch_job(JobId(UUID(int=1)))))
    assert world.control.engine.refresh.moves.watched() == []


async def test_nobody_is_read_for_when_nobody_watches(world: World) -> None:
    before = world.store.commits
    assert await world.control.engine.refresh() is None
    assert world.store.commits == before


async def test_decisions_of_one_job_are_told_until_it_is_over(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await world.settle()

    async def listen() -> list[object]:
        return [decision.worker_id async for decision in world.control.decisions(job.id)]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await agent.finish(agent.jobs[0])
    assert await listening == [agent.worker_id]
    assert await world.control.get_decision((await world.submit(image="nobody:has")).id) is None


async def test_decisions_about_all_jobs_are_told_as_they_are_made(world: World) -> None:
    agent = await world.add_worker()
    decisions = aiter(world.control.decisions())
    first = asyncio.ensure_future(anext(decisions))
    await asyncio.sleep(0)
    job = await world.running(agent)
    decision = await first
    assert (decision.job_id, decision.worker_id) == (job.id, agent.worker_id)
    await decisions.aclose()  # type: ignore[attr-defined]


async def test_a_job_that_another_replica_may_serve_is_looked_at_often(world: World) -> None:
    refresh = world.control.engine.refresh
    assert await refresh() is None
    watcher = Watcher(world, await world.submit())
    await watcher.has_seen(1)
    assert await refresh() is None  # nobody else is there
    shared = evolve(refresh, is_alone=lambda: False)
    assert await shared() == REMOTE
    await world.control.cancel_job((await world.control.list_jobs(JobFilter())).jobs[0].id)
    await watcher.task
    assert await shared() is None
