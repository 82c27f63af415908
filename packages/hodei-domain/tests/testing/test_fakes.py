"""What fakes do beyond the contracts: they catch misuse and let tests script what goes wrong."""

import asyncio
from datetime import UTC, timedelta

import pytest
from hodei_domain.jobs.errors import JobChangedMeanwhile, JobNotFound
from hodei_domain.kernel.demand import ANY
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.records import ABSENT, Presence, PresenceState
from hodei_domain.testing.contracts.plugin import token_for
from hodei_domain.testing.fakes import FixedClock, MemoryStore, ScriptedProvider, SeqIds, SeqSecrets
from hodei_domain.testing.making import (
    MINUTE,
    T0,
    assigned,
    new_provider_id,
    new_worker_id,
    read_job,
    submission,
    submitted,
)
from hodei_domain.workers.spec import WorkerSpec


def worker_spec() -> WorkerSpec:
    return WorkerSpec(
        worker_id=new_worker_id(),
        provider_id=new_provider_id(),
        demand=ANY,
        server_address="127.0.0.1:9",
        otp_ttl=MINUTE,
    )


async def test_a_transaction_is_not_used_after_its_end() -> None:
    async with MemoryStore().begin() as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        await tx.queue.depth()


async def test_a_transaction_inside_another_of_the_same_task_is_noticed() -> None:
    store = MemoryStore()
    async with store.begin():
        with pytest.raises(RuntimeError, match="inside"):
            await store.begin().__aenter__()
    async with store.begin() as tx:
        assert await tx.queue.depth() == 0


async def test_a_refused_write_must_not_be_committed() -> None:
    store = MemoryStore()
    stale = await submitted(store.begin)
    async with store.begin() as tx:
        await tx.jobs.save([stale.cancel(at=T0)])

    async def swallow() -> None:
        async with store.begin() as tx:
            await tx.jobs.save([submission()])
            with pytest.raises(JobChangedMeanwhile):
                await tx.jobs.save([stale.assign(new_worker_id(), at=T0)])

    with pytest.raises(RuntimeError, match="refused"):
        await swallow()
    async with store.begin() as tx:
        assert await tx.queue.depth() == 0


async def test_two_changes_of_one_job_in_one_save_are_a_mistake() -> None:
    store = MemoryStore()
    job = await submitted(store.begin)
    with pytest.raises(ValueError, match="two changes"):
        async with store.begin() as tx:
            await tx.jobs.save([job.cancel(at=T0), job.cancel(at=T0)])


async def test_commits_fail_as_often_as_asked_and_keep_nothing() -> None:
    store = MemoryStore()
    store.fail_commits(1)
    change = submission()
    with pytest.raises(StoreUnavailable):
        async with store.begin() as tx:
            await tx.jobs.save([change])
    with pytest.raises(JobNotFound):
        await read_job(store.begin, change.after.id)
    await submitted(store.begin)
    assert store.commits == 1


async def test_a_cancelled_task_leaves_no_trace() -> None:
    store, started, never = MemoryStore(), asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with store.begin() as tx:
            await tx.jobs.save([submission()])
            started.set()
            await never.wait()

    task = asyncio.create_task(hang())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with store.begin() as tx:
        assert await tx.queue.depth() == 0


async def test_the_stores_clock_is_the_tests() -> None:
    clock = FixedClock(T0)
    store = MemoryStore(now=clock, lease=MINUTE)
    job = await assigned(store.begin)
    clock.advance(MINUTE - timedelta(seconds=1))
    async with store.begin() as tx:
        assert await tx.leases.expired(10) == []
    assert clock.advance(timedelta(seconds=1)) == T0 + MINUTE
    async with store.begin() as tx:
        assert [lost.job_id for lost in await tx.leases.expired(10)] == [job.id]


def test_ids_and_secrets_come_in_order_and_never_twice() -> None:
    ids, secrets = SeqIds(), SeqSecrets()
    made = [ids() for _ in range(100)]
    assert made == sorted(set(made))
    assert secrets(32) != secrets(32)
    assert len(secrets(32)) == 32
    assert FixedClock()().tzinfo is UTC


async def test_a_scripted_create_fails_once_per_failure() -> None:
    provider, spec = ScriptedProvider(), worker_spec()
    provider.failures = [WorkerNotCreated("no room")]
    with pytest.raises(WorkerNotCreated):
        await provider.create_worker(spec, "hunter2")
    assert await provider.worker_status(spec.worker_id) == ABSENT
    await provider.create_worker(spec, "hunter2")
    assert provider.made[spec.worker_id].otp == "hunter2"
    assert provider.calls == [("create", spec.worker_id)] * 2
    assert "hunter2" not in repr(provider.made)


async def test_an_outage_reaches_every_call() -> None:
    provider, spec = ScriptedProvider(outage="no socket"), worker_spec()
    for call in (
        provider.create_worker(spec, "otp"),
        provider.worker_status(spec.worker_id),
        provider.destroy_worker(spec.worker_id, MINUTE),
        provider.list_workers(),
    ):
        with pytest.raises(ProviderUnavailable, match="no socket"):
            await call
    assert not (await provider.check_health()).healthy


async def test_a_test_can_play_the_agents_part() -> None:
    provider, spec = ScriptedProvider(), worker_spec()
    seen: list[str] = []

    async def agent(spec: WorkerSpec, otp: str) -> None:
        seen.append(otp)

    async def gone(id: object) -> None:
        seen.append("destroyed")

    provider.on_create, provider.on_destroy = agent, gone
    await provider.create_worker(spec, token_for(spec))
    for _ in range(2):
        await provider.destroy_worker(spec.worker_id, MINUTE)
    assert seen == [token_for(spec), "destroyed"]


async def test_what_the_engine_sees_is_told() -> None:
    provider, spec = ScriptedProvider(), worker_spec()
    await provider.create_worker(spec, "otp")
    events = provider.plugin.events
    assert events is not None
    stream = events.events()
    exited = Presence(state=PresenceState.EXITED, reason="oom", exit_code=137)
    provider.see(spec.worker_id, exited, "killed")
    assert (await anext(stream)).presence == exited
    assert await provider.worker_status(spec.worker_id) == exited
    provider.see(spec.worker_id, ABSENT)
    provider.see(spec.worker_id, exited)
    assert (await anext(stream)).presence == ABSENT
    assert await provider.worker_status(spec.worker_id) == ABSENT
    provider.outage = "gone"
    with pytest.raises(ProviderUnavailable):
        await anext(stream)


async def test_logs_and_usage_of_a_scripted_worker() -> None:
    provider, spec = ScriptedProvider(cost_per_hour=0.5), worker_spec()
    await provider.create_worker(spec, "otp")
    assert await provider.worker_logs(spec.worker_id, 5) == [f"create {spec.worker_id}"]
    assert await provider.worker_logs(spec.worker_id, 0) == []
    assert await provider.usage(spec.worker_id) is not None
    assert (provider.estimate_cost(ANY), provider.startup_time(ANY)) == (0.5, timedelta(seconds=1))
