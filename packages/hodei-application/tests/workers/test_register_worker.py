import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from hodei_application.testing import ScriptedAgent, World
from hodei_application.workers.register_worker import Registration
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import BadToken, WorkerNotFound
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import WorkerState

STRANGER = WorkerId(UUID(int=7))


async def expected(world: World) -> tuple[ScriptedAgent, str]:
    """A worker that may register, and its password."""
    issued = await world.control.issue_worker_token()
    return world.agent(issued.worker_id), issued.token


async def test_a_password_lets_its_worker_in_and_gives_it_a_session(world: World) -> None:
    agent, token = await expected(world)
    agent.info = WorkerInfo(hostname="box", architecture="x86_64", labels={"zone": "a"})
    session = await agent.register(token)
    assert await world.control.authenticate_session(session) == agent.worker_id
    worker = await world.worker(agent.worker_id)
    assert (worker.hostname, worker.architecture, worker.labels) == ("box", "amd64", {"zone": "a"})
    assert "WorkerRegistered" in await world.events(agent.worker_id)


async def test_a_password_is_good_once(world: World) -> None:
    agent, token = await expected(world)
    await agent.register(token)
    thief = world.agent(agent.worker_id)
    with pytest.raises(BadToken, match="used already"):
        await thief.register(token)


async def test_of_two_that_race_for_one_password_exactly_one_gets_in(world: World) -> None:
    agent, token = await expected(world)
    other = world.replica("two")
    registration = Registration(token=token, worker_id=agent.worker_id)
    results = await asyncio.gather(
        world.control.register_worker(registration),
        other.register_worker(registration),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, BadToken) for result in results) == [False, True]


async def test_a_password_expires(world: World) -> None:
    agent, token = await expected(world)
    world.clock.advance(timedelta(seconds=301))
    with pytest.raises(BadToken, match="expired"):
        await agent.register(token)


async def test_a_password_is_good_for_its_own_worker_only(world: World) -> None:
    _, token = await expected(world)
    with pytest.raises(BadToken, match="another worker"):
        await world.agent(STRANGER).register(token)


@pytest.mark.parametrize("token", ["", "hodw_", "dev-abc", "hodw_00000000000000000000000000000007.AAAA"])
async def test_what_is_no_password_is_refused(world: World, token: str) -> None:
    with pytest.raises(BadToken):
        await world.agent(STRANGER).register(token)


async def test_a_password_that_nobody_issued_is_refused(world: World) -> None:
    _, token = await expected(World())
    with pytest.raises(BadToken, match="not known"):
        await world.control.register_worker(Registration(token=token))


async def test_a_worker_that_has_a_session_comes_back_with_its_used_password(world: World) -> None:
    agent, token = await expected(world)
    session = await agent.register(token)
    assert await agent.register(token) == session


async def test_a_session_that_is_not_valid_leaves_the_password_to_decide(world: World) -> None:
    agent, token = await expected(world)
    agent.session_id = "hods_nonsense"
    await agent.register(token)
    agent.session_id = "hods_" + agent.worker_id.hex + "." + "A" * 43
    with pytest.raises(BadToken, match="used already"):
        await agent.register(token)


async def test_a_session_is_good_for_its_own_worker_only(world: World) -> None:
    agent, token = await expected(world)
    session = await agent.register(token)
    stranger = world.agent(STRANGER)
    stranger.session_id = session
    with pytest.raises(BadToken, match="another worker"):
        await stranger.register(token)


@pytest.mark.parametrize("session", ["", "x", "hods_00000000000000000000000000000007." + "A" * 43])
async def test_a_session_that_nobody_opened_says_nobody(world: World, session: str) -> None:
    with pytest.raises(BadToken):
        await world.control.authenticate_session(session)


async def test_a_worker_that_is_to_go_is_not_let_in_again(world: World) -> None:
    agent, token = await expected(world)
    await agent.register(token)
    await world.control.terminate_worker(agent.worker_id)
    with pytest.raises(BadToken, match="TERMINATING"):
        await agent.register(token)


async def test_a_failed_registration_does_not_use_the_password_up(world: World) -> None:
    agent, token = await expected(world)
    world.store.fail_commits(1)
    with pytest.raises(Exception, match="broke off"):
        await agent.register(token)
    await agent.register(token)


async def test_in_development_mode_anybody_may_come(world: World) -> None:
    world = World(dev_mode=True)
    named = await world.control.register_worker(Registration(token="dev-x", worker_id=STRANGER))
    assert named.worker_id == STRANGER
    unnamed = await world.control.register_worker(Registration(token="dev-x"))
    assert (await world.worker(unnamed.worker_id)).state is WorkerState.CONNECTING
    again = await world.control.register_worker(Registration(token="dev-x", worker_id=STRANGER))
    assert again.worker_id == STRANGER
    await world.control.stop()


async def test_a_second_password_for_an_expected_worker_replaces_the_first(world: World) -> None:
    agent, first = await expected(world)
    second = await world.control.issue_worker_token(agent.worker_id)
    with pytest.raises(BadToken, match="not this worker's"):
        await agent.register(first)
    await agent.register(second.token)


async def test_a_worker_that_another_database_let_in_is_unknown_rather_than_refused(world: World) -> None:
    agent, token = await expected(World())
    await agent.register(token)
    agent.control = world.control
    with pytest.raises(WorkerNotFound):
        await agent.register(token)
