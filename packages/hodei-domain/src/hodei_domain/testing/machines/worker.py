"""A worker under every message in every order, beside a model of it that was written by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from attrs import define
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.testing.making import T0, new_job_id, new_worker
from hodei_domain.workers.errors import IllegalWorkerMove, WorkerGone
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import Worker

GONE = ("TERMINATING", "TERMINATED")
INFO = WorkerInfo(hostname="h", architecture="x86_64", labels={"zone": "a"})


@define
class Model:
    """What a person would note down about the worker."""

    state: str = "CREATING"
    registered: bool = False
    connected: bool = False
    has_job: bool = False
    done: int = 0


def listening(machine: "WorkerMachine") -> bool:
    """Whether the last messages were not all refused: an example shall not be spent on refusals."""
    return machine.late < 3


class WorkerMachine(RuleBasedStateMachine):
    """Each rule makes one move and says beforehand what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.provision()

    @rule(attempt=st.integers(1, 3))
    def go_on(self, attempt: int) -> None:
        """What would come next if all went well, and the next life after an end."""
        model = self.model
        if model.state == "TERMINATED":
            self.provision()
        elif model.state == "TERMINATING":
            self.ended(0)
        elif not model.registered:
            self.register()
        elif not model.connected:
            self.bind()
        elif model.state == "READY":
            self.take(attempt)
        elif model.has_job:
            self.free()
        else:
            self.terminate(0)

    def provision(self) -> None:
        """A new worker and a new model of it."""
        self.worker = new_worker(register_by=T0 + timedelta(minutes=5)).after
        self.model, self.late = Model(), 0

    @precondition(listening)
    @rule()
    def created(self) -> None:
        if self.model.state == "CREATING":
            self.model.state = "CONNECTING"
            self._moves(lambda at: self.worker.created(at=at), events=1)
        else:
            self._same(self.worker.created(at=self._at()))

    @precondition(listening)
    @rule()
    def register(self) -> None:
        model = self.model
        if model.state in GONE:
            return self._refused(WorkerGone, lambda at: self.worker.register(INFO, at=at))
        first = model.state in ("CREATING", "CONNECTING")
        if first:
            model.state = "CONNECTING"
        model.registered = True
        return self._moves(lambda at: self.worker.register(INFO, at=at), events=1 if first else 0)

    @precondition(listening)
    @rule()
    def bind(self) -> None:
        model = self.model
        if model.state in GONE:
            return self._refused(WorkerGone, lambda at: self.worker.bind(at=at))
        if not model.registered:
            return self._refused(IllegalWorkerMove, lambda at: self.worker.bind(at=at))
        model.connected = True
        if model.state == "CONNECTING":
            model.state = "READY"
        return self._moves(lambda at: self.worker.bind(at=at), events=1)

    @precondition(listening)
    @rule()
    def disconnect(self) -> None:
        if not self.model.connected:
            return self._same(self.worker.disconnect(at=self._at()))
        self.model.connected = False
        return self._moves(lambda at: self.worker.disconnect(at=at), events=1)

    @precondition(listening)
    @rule(attempt=st.integers(1, 3))
    def take(self, attempt: int) -> None:
        model, job = self.model, new_job_id()
        if model.state != "READY" or not model.connected:
            return self._refused(IllegalWorkerMove, lambda at: self.worker.take(job, attempt, at=at))
        model.state, model.has_job = "BUSY", True
        return self._moves(lambda at: self.worker.take(job, attempt, at=at), events=0)

    @precondition(listening)
    @rule()
    def free(self) -> None:
        model = self.model
        if not model.has_job:
            return self._same(self.worker.free(at=self._at()))
        model.has_job, model.done = False, model.done + 1
        if model.state == "BUSY":
            model.state = "READY"
        return self._moves(lambda at: self.worker.free(at=at), events=0)

    @precondition(listening)
    @rule(hasty=st.integers(0, 3))
    def drain(self, hasty: int) -> None:
        model = self.model
        if hasty:
            return None

        def move(at: datetime) -> Change[Worker]:
            return self.worker.drain(at=at, deadline=at + timedelta(minutes=1), why="upgrade")

        if model.state in (*GONE, "DRAINING"):
            return self._same(move(self._at()))
        model.state = "TERMINATING" if model.state in ("CREATING", "CONNECTING") else "DRAINING"
        return self._moves(move, events=1)

    @precondition(listening)
    @rule(hasty=st.integers(0, 3))
    def terminate(self, hasty: int) -> None:
        if hasty:
            return None
        if self.model.state in GONE:
            return self._same(self.worker.terminate(at=self._at(), why="x"))
        self.model.state = "TERMINATING"
        return self._moves(lambda at: self.worker.terminate(at=at, why="x"), events=1)

    @precondition(listening)
    @rule(hasty=st.integers(0, 3))
    def ended(self, hasty: int) -> None:
        if hasty:
            return None
        if self.model.state == "TERMINATED":
            return self._same(self.worker.ended(at=self._at()))
        self.model.state, self.model.connected = "TERMINATED", False
        return self._moves(lambda at: self.worker.ended(at=at, why="exited"), events=2)

    @invariant()
    def the_worker_is_as_the_model_says(self) -> None:
        worker, model = self.worker, self.model
        assert worker.state == model.state
        assert (worker.registered_at is not None) == model.registered
        assert (worker.connected, worker.jobs_done) == (model.connected, model.done)
        assert (worker.job_id is not None) == (worker.attempt is not None) == model.has_job

    @invariant()
    def what_is_kept_fits_the_state(self) -> None:
        worker = self.worker
        assert worker.takes_work == (worker.state == "READY" and worker.connected)
        assert (worker.idle_since is not None) == (worker.state == "READY")
        assert (worker.ended_at is not None) == (worker.state == "TERMINATED") == worker.is_over
        if worker.state == "BUSY":
            assert worker.job_id is not None

    def _at(self) -> datetime:
        return self.worker.changed_at - timedelta(
            seconds=1
        )  # the clock went back: time must rise all the same

    def _same(self, change: Change[Worker]) -> None:
        self.late += 1
        assert change.is_same
        assert change.after is self.worker

    def _refused(self, error: type[Exception], move: Callable[[datetime], object]) -> None:
        self.late += 1
        with pytest.raises(HodeiError) as refusal:
            move(self._at())
        assert refusal.type is error

    def _moves(self, move: Callable[[datetime], Change[Worker]], events: int) -> None:
        self.late = 0
        before = self.worker
        change = move(self._at())
        assert (change.base, change.after.version) == (before.version, before.version + 1)
        assert len(change.events) == events
        times = [before.changed_at, *(event.at for event in change.events)]
        assert times == sorted(set(times)), "events rise strictly in time"
        assert change.after.changed_at > before.changed_at
        self.worker = change.after
