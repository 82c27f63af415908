import asyncio
from datetime import timedelta

import pytest
from attrs import evolve
from hodei_application.testing import World
from hodei_application.workers.commands import RunAttempt
from hodei_application.workers.link import Undeliverable
from hodei_application.workers.usage import Usage
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Constraint, Operator, Resources
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.scheduling.choose import WorkerStrategy
from hodei_domain.workers.worker import WorkerState


async def test_many_idle_workers_are_served_by_one_claim(world: World) -> None:
    await asyncio.gather(*(world.submit(name=str(n)) for n in range(20)))
    agents = [await world.add_worker() for _ in range(20)]
    before = world.store.commits
    await world.control.engine.dispatcher.step()
    assert sorted(len(agent.jobs) for agent in agents) == [1] * 20
    assert world.store.commits - before <= 2  # the claim, and one that finds nothing more


async def test_a_claim_for_different_kinds_of_workers_gives_no_job_twice(world: World) -> None:
    ssd = Constraint("disk", Operator.EQ, ("ssd",))
    any_jobs = [await world.submit() for _ in range(2)]
    ssd_jobs = [await world.submit(constraints=(ssd,)) for _ in range(2)]
    labelled = [await world.add_worker(labels={"disk": "ssd"}) for _ in range(2)]
    plain = [await world.add_worker() for _ in range(2)]
    await world.settle()
    given = [job.id for agent in (*plain, *labelled) for job in agent.jobs]
    assert sorted(given) == sorted(job.id for job in any_jobs + ssd_jobs)
    assert all(job.spec.constraints == () for agent in plain for job in agent.jobs)


async def test_a_worker_gets_only_jobs_that_it_can_serve(world: World) -> None:
    agent = await world.add_worker()
    impossible = await world.submit(constraints=(Constraint("gpu", Operator.EQ, ("a100",)),))
    with_image = await world.submit(image="alpine:3.20")
    await world.settle()
    assert agent.jobs == []
    possible = await world.submit(resources=Resources(cpu_cores=1))
    await world.settle()
    assert [job.id for job in agent.jobs] == [possible.id]
    for job in (impossible, with_image):
        assert (await world.job(job.id)).state is JobState.PENDING


async def test_a_job_whose_worker_cannot_be_reached_is_given_back(world: World) -> None:
    agent = await world.add_worker()
    agent.link.breaks = True
    job = await world.submit()
    await world.control.engine.dispatcher.step()
    waiting = await world.job(job.id)
    assert (waiting.state, waiting.attempt, waiting.losses) == (JobState.PENDING, 1, 0)
    assert (await world.worker(agent.worker_id)).state is WorkerState.READY
    await world.control.engine.dispatcher.step()
    assert (await world.job(job.id)).attempt == 1  # the broken stream is not offered anything again
    await agent.connect()
    await world.pass_time(timedelta(seconds=2))
    assert [j.attempt for j in agent.jobs] == [2]


async def test_an_order_that_no_stream_can_carry_fails_and_its_worker_goes_on(world: World) -> None:
    agent = await world.add_worker()
    agent.link.refuses = Undeliverable("its order is too large", again=False)
    job = await world.submit()
    await world.control.engine.dispatcher.step()
    failed = await world.job(job.id)
    assert (failed.state, failed.attempt) == (JobState.FAILED, 1)
    assert failed.result == JobResult(reason=Reason.UNDELIVERABLE, message="its order is too large")
    agent.link.refuses = None
    other = await world.submit()
    await world.settle()
    assert [job.id for job in agent.jobs] == [other.id]


async def test_an_order_that_one_worker_refuses_is_tried_with_others_for_a_while_only(world: World) -> None:
    old = await world.add_worker()
    old.link.refuses = Undeliverable("too large for this old worker", again=True)
    job = await world.submit()
    for _ in range(100):
        world.control.heartbeat(old.link, None)
        await world.pass_time(timedelta(seconds=2))
    failed = await world.job(job.id)
    assert (failed.state, failed.attempt) == (JobState.FAILED, 10)
    assert failed.result is not None
    assert failed.result.message.endswith("too large for this old worker")
    assert (await world.worker(old.worker_id)).state is WorkerState.READY


async def test_what_cannot_be_given_back_because_it_moved_on_is_left_alone(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    dispatcher = world.control.engine.dispatcher
    await dispatcher.step()
    await agent.finish(agent.jobs[0])
    connection = world.control.engine.connected.get(agent.worker_id)
    assert connection is not None
    from hodei_application.scheduling.dispatcher import Assigned, Returned

    given = await world.job(job.id)
    started, freed = agent.jobs[0].start(1, at=world.clock()), connection.worker.free(at=world.clock())
    stale = Assigned(connection, started, freed, leased_at=world.monotonic())
    await dispatcher._give_back([Returned(stale, "its stream broke")])
    assert await world.job(job.id) == given


async def test_a_worker_that_was_drained_elsewhere_is_not_given_a_job(world: World) -> None:
    agent = await world.add_worker()
    other = await world.add_worker()
    await world.replica("two").drain_worker(agent.worker_id)
    jobs = [await world.submit(), await world.submit()]
    await world.settle()
    assert agent.jobs == []
    assert len(other.jobs) == 1
    states = sorted([(await world.job(job.id)).state for job in jobs])
    assert states == [JobState.PENDING, JobState.SCHEDULED]


async def test_when_the_claim_cannot_be_committed_nothing_is_sent(world: World) -> None:
    job = await world.submit()
    agent = await world.add_worker()
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.control.engine.dispatcher.step()
    assert agent.told(RunAttempt) == []
    await world.control.engine.dispatcher.step()
    assert [j.id for j in agent.jobs] == [job.id]


async def test_jobs_that_another_replica_queued_are_found_by_the_poll(world: World) -> None:
    agent = await world.add_worker()
    await world.settle()
    other = world.replica("two")
    world.control, mine = other, world.control
    job = await world.submit()
    world.control = mine
    await mine.engine.dispatcher.step()
    assert agent.jobs == []
    world.clock.advance(timedelta(seconds=1))
    await mine.engine.dispatcher.step()
    assert [j.id for j in agent.jobs] == [job.id]


async def test_a_hint_of_another_replica_is_followed_at_once(world: World) -> None:
    agent = await world.add_worker()
    await world.settle()
    other = world.replica("two")
    world.control, mine = other, world.control
    await world.submit()
    world.control = mine
    mine.hinted("work")
    await mine.engine.dispatcher.step()
    assert len(agent.jobs) == 1


async def test_a_hint_where_no_worker_is_idle_makes_the_leader_look_for_workers(world: World) -> None:
    await world.add_provider()
    await world.settle()
    onlooker, mine = world.replica("two"), world.control
    world.control = onlooker
    await world.submit()
    world.control = mine
    mine.engine.signals.wants_workers = False
    mine.hinted("work")
    await mine.engine.dispatcher.step()
    assert mine.engine.signals.wants_workers


async def test_while_no_worker_is_idle_the_queue_is_not_asked(world: World) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    await world.submit()
    before = world.store.commits
    for _ in range(10):
        world.clock.advance(timedelta(seconds=1))
        await world.control.engine.dispatcher.step()
    assert world.store.commits == before


async def test_a_delayed_job_is_claimed_when_it_is_due(world: World) -> None:
    dispatcher = world.control.engine.dispatcher
    job = await world.submit()
    agent = await world.add_worker()
    waiting = evolve(job, not_before=world.clock() + timedelta(minutes=5))
    dispatcher.hot.exhausted([job.demand.key], dispatcher.hot.generation)
    dispatcher.look([waiting])
    dispatcher._looked_at = world.monotonic()
    assert await dispatcher.step() == timedelta(minutes=5)
    world.clock.advance(timedelta(minutes=5))
    world.control.heartbeat(agent.link)
    dispatcher._looked_at = world.monotonic()
    await dispatcher.step()
    assert len(agent.jobs) == 1


async def test_the_strategy_decides_and_its_reasons_are_kept(world: World) -> None:
    config = evolve(await world.control.scheduler_config(), worker_strategy=WorkerStrategy.LEAST_LOADED)
    await world.control.configure_scheduler(config)
    busy, calm = await world.add_worker(), await world.add_worker()
    world.control.heartbeat(busy.link, Usage(cpu_percent=90))
    world.control.heartbeat(calm.link, Usage(cpu_percent=10))
    first, second = await world.submit(), await world.submit()
    await world.settle()
    assert [j.id for j in calm.jobs] == [first.id]
    assert [j.id for j in busy.jobs] == [second.id]
    decision = await world.control.get_decision(first.id)
    assert decision is not None
    assert (decision.worker_id, decision.attempt, decision.reasons) == (calm.worker_id, 1, ("load 10%",))


async def test_more_jobs_than_workers_are_matched_as_far_as_workers_go(world: World) -> None:
    config = evolve(await world.control.scheduler_config(), worker_strategy=WorkerStrategy.ROUND_ROBIN)
    await world.control.configure_scheduler(config)
    agents = [await world.add_worker() for _ in range(2)]
    for _ in range(3):
        await world.submit()
    await world.settle()
    assert [len(agent.jobs) for agent in agents] == [1, 1]


async def test_a_silent_worker_may_be_counted_but_is_not_matched(world: World) -> None:
    config = evolve(await world.control.scheduler_config(), worker_strategy=WorkerStrategy.ROUND_ROBIN)
    await world.control.configure_scheduler(config)
    quiet, loud = await world.add_worker(), await world.add_worker()
    world.clock.advance(timedelta(seconds=20))
    world.control.heartbeat(loud.link)
    for _ in range(2):
        await world.submit()
    await world.control.engine.dispatcher.step()
    assert (len(quiet.jobs), len(loud.jobs)) == (0, 1)


async def test_a_paused_dispatcher_gives_nothing(world: World) -> None:
    agent = await world.add_worker()
    world.control.engine.dispatcher.paused = True
    await world.submit()
    await world.control.engine.dispatcher.step()
    assert agent.jobs == []


async def test_without_a_requeue_delay_a_job_that_was_given_back_is_due_at_once(world: World) -> None:
    config = evolve(await world.control.scheduler_config(), requeue_delay=timedelta(0))
    await world.control.configure_scheduler(config)
    broken = await world.add_worker()
    broken.link.breaks = True
    job = await world.submit()
    await world.control.engine.dispatcher.step()
    assert (await world.job(job.id)).not_before is None
