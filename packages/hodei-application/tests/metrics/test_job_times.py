"""How long jobs take, counted from their moves."""

from datetime import timedelta

import pytest
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.metrics.tally import Measure, Tally

FAILURE = JobResult(reason=Reason.EXIT, exit_code=3)
S = timedelta(seconds=1)


def tallies(world: World, measure: Measure) -> list[Tally]:
    return [each for each in world.store.tables.tallies.rows.values() if each.measure is measure]


def seconds(world: World, measure: Measure) -> float:
    return sum(each.total for each in tallies(world, measure))


async def test_queue_start_and_run_are_told_apart(world: World) -> None:
    agent = await world.add_worker()
    await world.control.engine.flush()
    job = await world.submit()
    world.clock.advance(3 * S)
    await agent.start(agent.jobs[-1])
    world.clock.advance(5 * S)
    await agent.finish(job)
    await world.control.engine.metrics()
    overview = await world.control.metrics_summary("1h")
    assert overview.summary.submitted == 1
    assert overview.summary.finished == {"SUCCEEDED": 1}
    assert overview.summary.queue.mean == pytest.approx(0, abs=0.001)
    assert overview.summary.start.mean == pytest.approx(3)
    assert overview.summary.run.mean == pytest.approx(5)
    assert overview.summary.total.mean == pytest.approx(8)
    assert overview.summary.run.p95 == pytest.approx(5, rel=0.2)
    assert overview.jobs_by_state[JobState.SUCCEEDED] == 1
    assert overview.jobs_by_state[JobState.PENDING] == 0


async def test_a_job_that_waits_for_a_worker_was_in_the_queue_for_so_long(world: World) -> None:
    await world.submit()
    world.clock.advance(40 * S)
    await world.add_worker()
    await world.settle()
    await world.control.engine.metrics()
    assert seconds(world, Measure.QUEUE) == pytest.approx(40, abs=1)


async def test_each_attempt_counts_and_the_job_once(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit(retry=RetryRules(max_attempts=2))
    for _ in range(2):
        await world.pass_time(60 * S)
        await agent.start(agent.jobs[-1])
        await agent.finish(agent.jobs[-1], FAILURE)
        await world.settle()
    assert (await world.job(job.id)).state is JobState.FAILED
    await world.control.engine.metrics()
    runs = {each.state: each.count for each in tallies(world, Measure.RUN)}
    assert runs == {"RETRIED": 1, "FAILED": 1}
    assert [(each.state, each.count) for each in tallies(world, Measure.FINISHED)] == [("FAILED", 1)]
    instruments = world.control.instruments
    assert instruments.attempts_ended.values == {("", "exit"): 2.0}
    assert instruments.attempts_retried.values == {("",): 1.0}
    assert instruments.jobs_ended.values[("FAILED",)] == 1.0


async def test_progress_a_cancel_wish_and_an_end_in_the_queue_count_no_attempt(world: World) -> None:
    agent = await world.add_worker()
    running = await world.submit()
    await world.settle()
    waiting = await world.submit()
    await world.control.cancel_job(running.id)
    await world.control.cancel_job(waiting.id)
    await agent.start(agent.jobs[-1])
    await world.control.engine.metrics()
    assert sum(each.count for each in tallies(world, Measure.QUEUE)) == 1
    assert sum(each.count for each in tallies(world, Measure.START)) == 1
    assert tallies(world, Measure.RUN) == []
    assert [each.state for each in tallies(world, Measure.FINISHED)] == ["CANCELLED"]
    assert world.control.instruments.attempts_ended.values == {}


async def test_jobs_are_told_by_provider_and_a_worker_that_was_made_by_its_time(world: World) -> None:
    await world.add_provider("docker")
    job = await world.submit()
    await world.pass_time(5 * S)
    [agent] = world.agents.values()
    assert [each.id for each in agent.jobs] == [job.id]
    await agent.start(agent.jobs[-1])
    await agent.finish(agent.jobs[-1])
    await world.control.engine.metrics()
    assert {each.provider for each in tallies(world, Measure.RUN)} == {"docker"}
    assert list(world.control.instruments.provisioning_seconds.values) == [("docker",)]
    lines, step = await world.control.metrics_series("jobs.finished", "1h", by="provider")
    assert [line.labels for line in lines] == [{"provider": "docker"}]
    assert sum(value for _, value in lines[0].points) == 1
    assert step == timedelta(minutes=1)


async def test_where_nothing_happens_nothing_is_written(world: World) -> None:
    await world.add_worker()
    before = world.store.commits
    for _ in range(5):
        world.clock.advance(5 * S)
        await world.control.engine.metrics()
    assert world.store.commits == before


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": "nonsense"}, "name"),
        ({"name": "jobs.finished", "range": "2h"}, "range"),
        ({"name": "jobs.finished", "by": "owner"}, "by"),
        ({"name": "jobs.finished", "step": S}, "step"),
        ({"name": "jobs.finished", "range": "30d", "step": 60 * S}, "step"),
    ],
)
async def test_a_graph_that_cannot_be_drawn_is_refused(
    world: World, asked: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await world.control.metrics_series(**asked)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_what_cannot_be_written_is_dropped_and_counted_and_nobody_is_kept_waiting(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    world.store.fail_commits(1)
    with pytest.raises(Exception, match="broke off"):
        await world.control.engine.metrics()
    lost = world.control.instruments.metrics_dropped.values[()]
    assert lost >= 1
    await agent.start(job)
    await agent.finish(job)
    await world.control.engine.metrics()
    assert [each.count for each in tallies(world, Measure.FINISHED)] == [1]
    assert world.control.instruments.metrics_dropped.values[()] == lost


async def test_the_older_tallies_are_the_coarser_until_they_go(world: World) -> None:
    agent = await world.add_worker()
    job = await world.submit()
    await agent.start(job)
    await agent.finish(job)
    await world.control.engine.metrics()
    janitor = world.control.engine.leader.keeper.janitor
    widths = []
    for hours in (0, 3, 27, 24 * 91):
        world.clock.advance(timedelta(hours=hours))
        await janitor.bound_metrics()
        widths.append({each.width for each in tallies(world, Measure.FINISHED)})
    assert widths == [{60 * S}, {300 * S}, {3600 * S}, set()]
