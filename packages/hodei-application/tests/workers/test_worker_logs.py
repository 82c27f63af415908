"""What a worker's agent printed."""

import asyncio
from datetime import timedelta

import pytest
from hodei_application.testing import World
from hodei_application.workers import worker_logs
from hodei_application.workers.worker_logs import NoWorkerLogs, WorkerLog, bounded
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.workers.errors import WorkerNotFound


async def made(world: World) -> WorkerId:
    await world.add_provider()
    await world.submit()
    await world.settle()
    [id] = world.provider.made
    return id


async def test_the_last_lines_are_read_at_the_provider(world: World) -> None:
    id = await made(world)
    world.provider.calls += [("look", id)] * 2
    assert await world.control.worker_logs(id, 2) == WorkerLog((f"look {id}",) * 2, truncated=False)


async def test_a_worker_that_nobody_knows_has_none(world: World) -> None:
    with pytest.raises(WorkerNotFound):
        await world.control.worker_logs(WorkerId(world.ids()))


async def test_who_was_started_by_hand_is_looked_at_where_it_runs(world: World) -> None:
    agent = await world.add_worker()
    with pytest.raises(NoWorkerLogs, match="was started by hand"):
        await world.control.worker_logs(agent.worker_id)


async def test_a_provider_that_is_not_served_here_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await made(world)
    monkeypatch.setattr(type(world.control.engine.landscape), "plugin", lambda *_: None)
    with pytest.raises(NoWorkerLogs, match=r"\(scripted\) keeps no logs"):
        await world.control.worker_logs(id)


@pytest.mark.parametrize("tail", [0, -1, 10_001])
async def test_a_number_of_lines_that_cannot_be_is_refused_by_name(world: World, tail: int) -> None:
    with pytest.raises(InvalidInput, match="tail_lines"):
        await world.control.worker_logs(WorkerId(world.ids()), tail)


async def test_an_engine_that_does_not_answer_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await made(world)

    async def hang(*_: object) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(worker_logs, "PATIENCE", timedelta(0))
    monkeypatch.setattr(type(world.provider), "worker_logs", hang)
    with pytest.raises(ProviderUnavailable, match="did not answer"):
        await world.control.worker_logs(id)


def test_an_answer_has_a_bound_and_the_newest_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_logs, "MOST_TEXT", 10)
    assert bounded(["aaaa", "bbbb"]) == WorkerLog(("aaaa", "bbbb"), truncated=False)
    assert bounded(["aaaa", "bbbb", "cccc"]) == WorkerLog(("bbbb", "cccc"), truncated=True)
    assert bounded(["a", "0123456789ABC"]) == WorkerLog(("3456789ABC",), truncated=True)
