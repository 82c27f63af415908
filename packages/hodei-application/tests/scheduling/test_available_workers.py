from datetime import timedelta

from hodei_application.jobs.submit_job import Submission
from hodei_application.scheduling.available_workers import WorkersWanted
from hodei_application.testing import World
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.values import Constraint, Operator, Resources
from hodei_domain.workers.worker import WorkerState


async def test_idle_workers_are_ranked_as_the_scheduler_would(world: World) -> None:
    first = await world.add_worker()
    world.clock.advance(timedelta(seconds=1))
    second = await world.add_worker()
    found = await world.control.available_workers(WorkersWanted())
    assert [f.view.worker.id for f in found] == [first.worker_id, second.worker_id]
    assert found[0].score > found[1].score
    assert found[0].reasons == ("idle for the longest time",)


async def test_only_those_that_meet_the_conditions(world: World) -> None:
    plain = await world.add_worker()
    fast = await world.add_worker(labels={"disk": "ssd"})
    ask = world.control.available_workers
    by_label = await ask(WorkersWanted(labels={"disk": "ssd"}))
    by_constraint = await ask(WorkersWanted(constraints=(Constraint("disk", Operator.EQ, ("ssd",)),)))
    assert [f.view.worker.id for f in by_label] == [fast.worker_id]
    assert [f.view.worker.id for f in by_constraint] == [fast.worker_id]
    assert await ask(WorkersWanted(resources=Resources(gpu=1))) == []
    await world.running(plain)
    busy = await ask(WorkersWanted(states=frozenset({WorkerState.BUSY})))
    assert [f.view.worker.id for f in busy] == [plain.worker_id]


async def test_workers_that_were_not_heard_lately_can_be_left_out(world: World) -> None:
    await world.add_worker()
    world.clock.advance(timedelta(minutes=5))
    young = await world.add_worker()
    found = await world.control.available_workers(WorkersWanted(max_age=timedelta(minutes=1)))
    assert [f.view.worker.id for f in found] == [young.worker_id]


async def test_only_those_that_could_take_a_job_now(world: World) -> None:
    provider = await world.add_provider()
    await world.submit(image="debian:12", resources=Resources(cpu_cores=2))
    await world.settle()
    [agent] = world.agents.values()
    await agent.finish(agent.jobs[0])
    ask = world.control.available_workers
    [found] = await ask(WorkersWanted(resources=Resources(cpu_cores=1)))  # made for two
    assert found.view.worker.id == agent.worker_id
    await world.control.disable_provider(provider.name)
    assert await ask(WorkersWanted()) == []
    by_hand = await world.add_worker()
    await world.control.disconnect_worker(by_hand.link)
    assert await ask(WorkersWanted()) == []


async def test_a_job_that_is_scheduled_is_told_of_with_its_decision(world: World) -> None:
    agent = await world.add_worker()
    await world.control.start()
    told = await world.control.schedule_job(Submission(spec=JobSpec(command=Shell("true"))))
    assert told.decision is not None
    assert (told.decision.job_id, told.decision.worker_id) == (told.job.id, agent.worker_id)
    waiting = await world.control.schedule_job(Submission(spec=JobSpec(command=Shell("true"))))
    assert waiting.decision is None
    await world.control.stop()
