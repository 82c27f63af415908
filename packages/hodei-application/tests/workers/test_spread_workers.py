"""Workers are shared out among the servers of one database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from hodei_application.control_plane import ControlPlane
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.commands import MoveWorker
from hodei_application.workers.other_servers import COUNTS_FOR, SAID_APART, OtherServers
from hodei_application.workers.spread_workers import STAYS

Obey = Callable[[ScriptedAgent, MoveWorker], object]


def word_of(server_id: str, workers: int) -> str:
    return f"workers:{server_id}:{workers}"


@pytest.fixture
async def eight(world: World) -> list[ScriptedAgent]:
    """Idle workers, all at the one server that there is so far."""
    return [await world.add_worker() for _ in range(8)]


async def go(agents: list[ScriptedAgent], to: ControlPlane) -> None:
    """Do as agents do: whoever is asked leaves and says hello there."""
    for agent in agents:
        asked = agent.told(MoveWorker)
        if agent.control is not to and asked and asked[-1].server_id == to.server_id:
            await agent.disconnect()
            agent.control = to
            await agent.connect()


async def spread(world: World, agents: list[ScriptedAgent], to: ControlPlane) -> None:
    """Let the first server ask as long as it does."""
    spreads = world.control.engine.spread
    while True:
        step = asyncio.create_task(spreads())
        await asyncio.sleep(0)
        await go(agents, to)
        if await step is None:
            return


def here(control: ControlPlane) -> int:
    return len(control.engine.connected)


async def test_a_server_that_joins_late_gets_its_share(world: World, eight: list[ScriptedAgent]) -> None:
    second = world.replica("two")
    world.control.hinted(word_of(second.server_id, 0))
    await spread(world, eight, second)
    assert (here(world.control), here(second)) == (4, 4)
    assert [len(agent.told(MoveWorker)) for agent in eight if agent.control is world.control] == [0] * 4
    assert {(await world.worker(agent.worker_id)).connected for agent in eight} == {True}


async def test_a_worker_that_has_a_job_is_not_asked(world: World) -> None:
    agent = await world.add_worker()
    await world.running(agent)
    second = await world.add_worker()
    world.control.hinted(word_of("another", 0))
    step = asyncio.create_task(world.control.engine.spread())
    await asyncio.sleep(0)
    step.cancel()
    assert agent.told(MoveWorker) == []
    assert [asked.server_id for asked in second.told(MoveWorker)] == ["another"]


async def test_whoever_is_older_than_the_question_is_not_asked(world: World) -> None:
    for _ in range(4):
        await world.add_worker(is_legacy=True)
    world.control.hinted(word_of("another", 0))
    assert await world.control.engine.spread() is None


async def test_a_worker_that_knows_no_way_there_is_left_alone(
    world: World, eight: list[ScriptedAgent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.workers.spread_workers.GOES_WITHIN", 0.0)
    for _ in range(3):
        world.control.hinted(word_of("another", 0))
        assert await world.control.engine.spread() is not None
        assert await world.control.engine.spread() is None  # nobody else is sent where one did not arrive
    assert sorted(len(agent.told(MoveWorker)) for agent in eight) == [0] * 5 + [1] * 3
    world.clock.advance(timedelta(seconds=STAYS))
    for agent in eight:
        world.control.heartbeat(agent.link)
    world.control.hinted(word_of("another", 0))
    await world.control.engine.spread()
    assert sum(len(agent.told(MoveWorker)) for agent in eight) == 4


class TestOtherServers:
    """Who should have one more."""

    @pytest.fixture
    def others(self, world: World) -> OtherServers:
        return world.control.engine.spread.others

    def test_a_server_that_is_alone_keeps_its_workers(
        self, others: OtherServers, eight: list[ScriptedAgent]
    ) -> None:
        assert others.lightest() is None

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ({"a": 0}, "a"),
            ({"a": 6}, "a"),
            ({"a": 7}, None),
            ({"a": 8, "b": 1}, "b"),
            ({"a": 9, "b": 8}, None),
            ({"a": 3, "b": 2}, "b"),
            ({"a": 30}, None),
        ],
    )
    def test_the_one_that_has_fewest_is_chosen_where_it_is_worth_it(
        self, others: OtherServers, eight: list[ScriptedAgent], told: dict[str, int], expected: str | None
    ) -> None:
        for server_id, workers in told.items():
            assert others.hear(word_of(server_id, workers))
        assert others.lightest() == expected

    def test_what_is_no_word_of_a_server_changes_nothing(
        self, others: OtherServers, eight: list[ScriptedAgent]
    ) -> None:
        assert not others.hear("work")
        for hint in ("workers:", "workers:a", "workers::3", "workers:a:x", "workers:a:-1"):
            assert others.hear(hint)
        assert others.lightest() is None

    def test_a_server_that_fell_silent_gets_nobody(
        self, world: World, others: OtherServers, eight: list[ScriptedAgent]
    ) -> None:
        others.hear(word_of("a", 0))
        world.clock.advance(timedelta(seconds=COUNTS_FOR + 1))
        assert others.lightest() is None

    def test_a_server_that_leaves_says_so_and_gets_nobody(
        self, world: World, others: OtherServers, eight: list[ScriptedAgent]
    ) -> None:
        leaving = world.replica("two").engine.spread.others
        others.hear(word_of(leaving.our_id, 0))
        assert others.lightest() == leaving.our_id
        others.hear(leaving.farewell())
        assert others.lightest() is None

    def test_each_tells_of_itself_now_and_then_and_at_once_to_whoever_is_new(
        self, world: World, others: OtherServers, eight: list[ScriptedAgent]
    ) -> None:
        ours = word_of(others.our_id, 8)
        assert (others.next_word(), others.next_word()) == (ours, None)
        others.hear(word_of("a", 8))
        assert (others.next_word(), others.next_word()) == (ours, None)
        others.hear(word_of("a", 8))  # an answer to each word would be one without end
        assert others.next_word() is None
        world.clock.advance(timedelta(seconds=SAID_APART))
        assert others.next_word() == ours
