"""What the state machine does not look at: what is told and kept by single moves."""

from datetime import timedelta

import pytest
from attrs import evolve
from hodei_domain.kernel.values import Capacity
from hodei_domain.testing.making import (
    MINUTE,
    SECOND,
    T0,
    new_job_id,
    new_provider_id,
    new_worker,
    ready_worker,
)
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerGone
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import BIND_WITHIN, WorkerState

INFO = WorkerInfo(
    name="w",
    hostname="host",
    architecture="x86_64",
    agent_version="1",
    capacity=Capacity(cpu_cores=4, memory_mib=1024),
    labels={"zone": "b"},
)


def test_the_wish_for_a_worker_is_told_with_its_class() -> None:
    provider = new_provider_id()
    change = new_worker(provider_id=provider)
    [event] = change.events
    assert event.payload() == {
        "worker_id": str(change.after.id),
        "provider_id": str(provider),
        "class": change.after.demand.key,
    }


def test_registration_keeps_what_the_agent_says_of_its_machine() -> None:
    worker = new_worker(labels={"zone": "a", "team": "x"}).after
    change = worker.register(INFO, at=T0 + SECOND)
    after = change.after
    assert (after.hostname, after.architecture, after.capacity) == ("host", "amd64", INFO.capacity)
    assert after.labels == {"zone": "b", "team": "x"}
    assert (after.state, after.registered_at) == (WorkerState.CONNECTING, T0 + SECOND)
    assert change.events[0].payload() | {"worker_id": ""} == {
        "worker_id": "",
        "provider_id": None,
        "hostname": "host",
        "architecture": "amd64",
        "agent_version": "1",
    }


def test_an_agent_may_be_quicker_than_its_provider() -> None:
    worker = new_worker(register_by=T0 + MINUTE).after.register(INFO, at=T0).after.bind(at=T0).after
    assert worker.created(at=T0).is_same
    assert (worker.state, worker.register_by) == (WorkerState.READY, None)


def test_whoever_registers_has_to_connect_in_time_however_often_it_registers() -> None:
    first = new_worker().after.register(INFO, at=T0).after
    again = first.register(INFO, at=T0 + BIND_WITHIN / 2).after
    assert not again.is_late(T0 + BIND_WITHIN - SECOND)
    assert again.is_late(T0 + BIND_WITHIN + SECOND)
    assert not again.bind(at=T0 + SECOND).after.is_late(T0 + BIND_WITHIN)


def test_a_registration_never_puts_off_the_end_of_a_workers_time_to_come() -> None:
    worker = new_worker(register_by=T0 + 2 * SECOND).after.register(INFO, at=T0 + SECOND).after
    assert worker.is_late(T0 + 2 * SECOND)


def test_a_worker_that_registered_before_there_was_a_bound_is_late_as_well() -> None:
    old = evolve(new_worker().after.register(INFO, at=T0).after, register_by=None)
    assert not old.is_late(T0 + BIND_WITHIN - SECOND)
    assert old.is_late(T0 + BIND_WITHIN + SECOND)


def test_a_worker_that_comes_back_keeps_its_job() -> None:
    job = new_job_id()
    busy = ready_worker().after.take(job, 2, at=T0).after
    gone = busy.disconnect(at=T0)
    assert gone.events[0].payload()["job_id"] == str(job)
    back = gone.after.bind(at=T0)
    assert [event.type for event in back.events] == ["WorkerReconnected"]
    assert back.events[0].payload()["job_id"] == str(job)
    assert (back.after.state, back.after.job_id, back.after.attempt) == (WorkerState.BUSY, job, 2)


def test_a_worker_without_a_stream_gets_no_job() -> None:
    lost = ready_worker().after.disconnect(at=T0).after
    with pytest.raises(IllegalWorkerMove, match="not connected"):
        lost.take(new_job_id(), 1, at=T0)
    busy = ready_worker().after.take(new_job_id(), 1, at=T0).after
    with pytest.raises(IllegalWorkerMove, match="BUSY"):
        busy.take(new_job_id(), 1, at=T0)


def test_a_drained_worker_finishes_its_job_and_takes_no_other() -> None:
    busy = ready_worker().after.take(new_job_id(), 1, at=T0).after
    change = busy.drain(at=T0 + MINUTE, deadline=T0 + 2 * MINUTE, why="upgrade")
    draining = change.after
    assert (draining.state, draining.drain_by, draining.reason) == (
        WorkerState.DRAINING,
        T0 + 2 * MINUTE,
        "upgrade",
    )
    assert change.events[0].payload()["reason"] == "upgrade"
    done = draining.free(at=T0 + 2 * MINUTE).after
    assert (done.state, done.job_id, done.jobs_done) == (WorkerState.DRAINING, None, 1)
    assert not done.takes_work


def test_the_first_reason_to_go_is_the_one_that_is_told() -> None:
    change = ready_worker().after.terminate(at=T0, why="idle").then(lambda w: w.ended(at=T0, why="exited"))
    assert change.events[-1].payload()["reason"] == "idle"
    assert new_worker().after.ended(at=T0, why="exited").after.reason == "exited"


def test_a_worker_that_is_gone_keeps_the_job_it_held() -> None:
    job = new_job_id()
    busy = ready_worker().after.take(job, 1, at=T0).after
    ended = busy.ended(at=T0 + timedelta(hours=1), why="evicted").after
    assert (ended.job_id, ended.attempt, ended.ended_at) == (job, 1, T0 + timedelta(hours=1))


def test_what_is_going_must_not_come_back() -> None:
    going = ready_worker().after.terminate(at=T0, why="x").after
    for move in (lambda: going.register(INFO, at=T0), lambda: going.bind(at=T0)):
        with pytest.raises(WorkerGone):
            move()


def test_an_unregistered_worker_cannot_connect() -> None:
    with pytest.raises(IllegalWorkerMove, match="register"):
        new_worker().after.bind(at=T0)
