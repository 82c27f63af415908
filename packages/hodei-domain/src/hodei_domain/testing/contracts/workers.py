"""What stores of workers, one-time passwords and sessions promise."""

from datetime import timedelta
from typing import Any

import pytest

from hodei_domain.kernel.change import same
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import Capacity, Constraint, Operator, Resources
from hodei_domain.testing.contracts.base import Broken, StoreContract, break_off, outcomes
from hodei_domain.testing.making import (
    MINUTE,
    SECOND,
    T0,
    new_job_id,
    new_provider_id,
    new_worker,
    new_worker_id,
    read_worker,
    ready_worker,
    save_workers,
)
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.errors import WorkerChangedMeanwhile, WorkerNotFound
from hodei_domain.workers.otp import mint
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.session import open_session
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import WorkerState

DEMAND = DemandClass(
    image="alpine:3.20",
    resources=Resources(cpu_cores=2, memory_mib=1024, architecture="arm64"),
    constraints=[Constraint("zone", Operator.EQ, ("a",))],
    provider="docker",
    region="eu",
)
INFO = WorkerInfo(
    name="w-1",
    hostname="host",
    architecture="aarch64",
    agent_version="0.1.0",
    capacity=Capacity(cpu_cores=2.5, memory_mib=2048, disk_mib=10_000, gpu=1),
    labels={"zone": "a"},
)


class WorkerStoreContract(StoreContract):
    """WorkerStore."""

    async def test_a_worker_reads_back_after_each_move_of_its_life(self, begin: Begin) -> None:
        change = new_worker(
            provider_id=new_provider_id(),
            demand=DEMAND,
            labels={"a": "b"},
            register_by=T0 + MINUTE,
            expires_at=T0 + timedelta(days=1),
        )
        [worker] = await save_workers(begin, change)
        assert await read_worker(begin, worker.id) == worker
        job = new_job_id()
        moves: list[Any] = [
            lambda w: w.created(at=T0),
            lambda w: w.register(INFO, at=T0),
            lambda w: w.bind(at=T0),
            lambda w: w.take(job, 1, at=T0),
            lambda w: w.disconnect(at=T0),
            lambda w: w.bind(at=T0),
            lambda w: w.free(at=T0),
            lambda w: w.drain(at=T0, deadline=T0 + MINUTE, why="upgrade"),
            lambda w: w.terminate(at=T0, why="drained"),
            lambda w: w.ended(at=T0),
        ]
        for move in moves:
            [worker] = await save_workers(begin, move(worker))
            assert await read_worker(begin, worker.id) == worker
        assert worker.state is WorkerState.TERMINATED

    async def test_an_unknown_worker_is_not_found(self, begin: Begin) -> None:
        async with begin() as tx:
            with pytest.raises(WorkerNotFound):
                await tx.workers.get(new_worker_id())
            assert await tx.workers.find([new_worker_id()]) == {}
            assert await tx.workers.lock([new_worker_id()]) == {}

    async def test_of_two_saves_from_one_read_the_second_loses(self, begin: Begin) -> None:
        [worker] = await save_workers(begin, ready_worker())
        [taken] = await save_workers(begin, worker.take(new_job_id(), 1, at=T0))
        with pytest.raises(WorkerChangedMeanwhile):
            await save_workers(begin, worker.take(new_job_id(), 1, at=T0))
        assert await read_worker(begin, worker.id) == taken

    async def test_of_two_racing_jobs_one_gets_the_worker(self, begin: Begin) -> None:
        [worker] = await save_workers(begin, ready_worker())
        racing = [save_workers(begin, worker.take(new_job_id(), 1, at=T0)) for _ in range(3)]
        found = await outcomes(*racing)
        assert sum(isinstance(outcome, WorkerChangedMeanwhile) for outcome in found) == 2

    async def test_a_worker_comes_into_being_once(self, begin: Begin) -> None:
        change = new_worker()
        await save_workers(begin, change)
        with pytest.raises(WorkerChangedMeanwhile):
            await save_workers(begin, change)

    async def test_locked_workers_are_saved_one_after_the_other(self, begin: Begin) -> None:
        [worker] = await save_workers(begin, ready_worker())

        async def reconnect() -> None:
            async with begin() as tx:
                held = (await tx.workers.lock([worker.id]))[worker.id]
                await tx.workers.save([held.bind(at=T0)])

        assert await outcomes(*(reconnect() for _ in range(6))) == [None] * 6
        assert (await read_worker(begin, worker.id)).version == worker.version + 6

    async def test_no_change_writes_nothing(self, begin: Begin) -> None:
        [worker] = await save_workers(begin, ready_worker())
        await save_workers(begin, same(worker))
        assert await read_worker(begin, worker.id) == worker

    async def test_the_events_are_written_with_the_worker(self, begin: Begin) -> None:
        [worker] = await save_workers(begin, ready_worker(provider_id=new_provider_id()))
        async with begin() as tx:
            records = await tx.audit.by_correlation(str(worker.id))
        assert [r.event_type for r in records] == [
            "WorkerProvisioned",
            "WorkerRegistered",
            "WorkerStatusChanged",
        ]
        assert {r.payload["provider_id"] for r in records} == {str(worker.provider_id)}

    async def test_a_heartbeat_is_noted_and_no_move_takes_it_back(self, begin: Begin) -> None:
        [worker, silent] = await save_workers(begin, ready_worker(), ready_worker())
        async with begin() as tx:
            await tx.workers.record_heartbeats([worker.id, new_worker_id()])
            await tx.workers.record_heartbeats([])
        seen = await read_worker(begin, worker.id)
        assert seen.last_heartbeat is not None
        assert seen.version == worker.version
        assert (await read_worker(begin, silent.id)).last_heartbeat is None
        await save_workers(begin, worker.take(new_job_id(), 1, at=T0))
        assert (await read_worker(begin, worker.id)).last_heartbeat == seen.last_heartbeat

    async def test_the_living_are_those_not_terminated(self, begin: Begin) -> None:
        going = ready_worker(at=T0).then(lambda w: w.terminate(at=T0, why="x"))
        gone = new_worker(at=T0).then(lambda w: w.ended(at=T0))
        young = new_worker(at=T0 + SECOND)
        await save_workers(begin, young, gone, going)
        async with begin() as tx:
            assert [w.id for w in await tx.workers.live()] == [going.after.id, young.after.id]

    async def test_lists_are_filtered_and_newest_first(self, begin: Begin) -> None:
        provider = new_provider_id()
        ours = new_worker(at=T0, provider_id=provider)
        gone = new_worker(at=T0 + SECOND, provider_id=provider).then(lambda w: w.ended(at=T0))
        other = ready_worker(at=T0 + 2 * SECOND)
        await save_workers(begin, ours, gone, other)

        async def ids(**filter: Any) -> list[Any]:
            async with begin() as tx:
                return [w.id for w in await tx.workers.list_workers(WorkerFilter(**filter))]

        assert await ids() == [other.after.id, ours.after.id]
        assert await ids(provider_id=provider) == [ours.after.id]
        assert await ids(provider_id=provider, include_ended=True) == [gone.after.id, ours.after.id]
        assert await ids(states={WorkerState.READY}) == [other.after.id]
        assert await ids(states={WorkerState.TERMINATED}) == [gone.after.id]
        assert await ids(limit=1) == [other.after.id]


class OtpStoreContract(StoreContract):
    """OtpStore."""

    async def test_a_password_is_used_once(self, begin: Begin) -> None:
        _, otp = mint(new_worker_id(), new_provider_id(), b"s" * 32, at=T0)
        async with begin() as tx:
            await tx.otps.put(otp)
        async with begin() as tx:
            assert await tx.otps.consume(otp.worker_id, otp.digest, T0 + SECOND)
        async with begin() as tx:
            assert not await tx.otps.consume(otp.worker_id, otp.digest, T0 + 2 * SECOND)
            kept = await tx.otps.state(otp.worker_id)
        assert kept is not None
        assert kept.used_at == T0 + SECOND
        assert kept.provider_id == otp.provider_id

    async def test_of_racing_uses_one_wins(self, begin: Begin) -> None:
        _, otp = mint(new_worker_id(), None, b"s" * 32, at=T0)
        async with begin() as tx:
            await tx.otps.put(otp)

        async def use() -> bool:
            async with begin() as tx:
                return await tx.otps.consume(otp.worker_id, otp.digest, T0 + SECOND)

        assert sorted(map(bool, await outcomes(*(use() for _ in range(4))))) == [False, False, False, True]

    async def test_a_use_that_is_rolled_back_did_not_happen(self, begin: Begin) -> None:
        _, otp = mint(new_worker_id(), None, b"s" * 32, at=T0)
        async with begin() as tx:
            await tx.otps.put(otp)
        with pytest.raises(Broken):
            await break_off(begin, lambda tx: tx.otps.consume(otp.worker_id, otp.digest, T0))
        async with begin() as tx:
            assert await tx.otps.consume(otp.worker_id, otp.digest, T0)

    async def test_an_expired_a_strange_and_an_unknown_one_are_refused(self, begin: Begin) -> None:
        _, otp = mint(new_worker_id(), None, b"s" * 32, at=T0, ttl=MINUTE)
        async with begin() as tx:
            await tx.otps.put(otp)
            assert not await tx.otps.consume(otp.worker_id, otp.digest, T0 + MINUTE)
            assert not await tx.otps.consume(otp.worker_id, b"x" * 32, T0)
            assert not await tx.otps.consume(new_worker_id(), otp.digest, T0)
            assert await tx.otps.state(new_worker_id()) is None
            assert await tx.otps.state(otp.worker_id) == otp

    async def test_a_new_password_replaces_the_old(self, begin: Begin) -> None:
        worker = new_worker_id()
        _, old = mint(worker, None, b"o" * 32, at=T0)
        _, new = mint(worker, None, b"n" * 32, at=T0)
        async with begin() as tx:
            await tx.otps.put(old)
            assert await tx.otps.consume(worker, old.digest, T0)
            await tx.otps.put(new)
            assert not await tx.otps.consume(worker, old.digest, T0)
            assert await tx.otps.consume(worker, new.digest, T0)


class SessionStoreContract(StoreContract):
    """SessionStore."""

    async def test_a_session_reads_back_and_the_next_replaces_it(self, begin: Begin) -> None:
        worker = new_worker_id()
        for secret in (b"1" * 32, b"2" * 32):
            _, session = open_session(worker, secret, at=T0)
            async with begin() as tx:
                await tx.sessions.put(session)
            async with begin() as tx:
                assert await tx.sessions.get(worker) == session

    async def test_a_worker_without_a_session_has_none(self, begin: Begin) -> None:
        async with begin() as tx:
            assert await tx.sessions.get(new_worker_id()) is None
