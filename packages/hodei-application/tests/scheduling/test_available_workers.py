from datetime import timedelta

from hodei_application.scheduling.available_workers import WorkersWanted
from hodei_application.testing import World
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


async def test_old_workers_can_be_left_out(world: World) -> None:
    await world.add_worker()
    world.clock.advance(timedelta(hours=1))
    young = await world.add_worker()
    found = await world.control.available_workers(WorkersWanted(max_age=timedelta(minutes=1)))
    assert [f.view.worker.id for f in found] == [young.worker_id]
