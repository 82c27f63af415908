"""A job under every message in every order, beside a model of it that was written by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from attrs import define
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hodei_domain.jobs.errors import AlreadyEnded, IllegalMove, StaleAttempt
from hodei_domain.jobs.job import Job, JobState, Progress
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import Clocks, JobSpec, OnWorkerLost, RetryRules
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.testing.making import T0, new_job_id, new_worker_id, spec
from hodei_domain.testing.strategies import results

ENDS = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
WITH_WORKER = ("SCHEDULED", "RUNNING")


@define
class Model:
    """What a person would note down about the job."""

    state: str = "PENDING"
    attempt: int = 0
    wish: bool = False
    failures: int = 0
    losses: int = 0
    held: bool = False
    undelivered: int = 0  # attempts in a row that came back unstarted
    reported: bool = False  # the newest attempt's end is its worker's own word


SPECS = st.builds(
    lambda tries, losses, policy, named, clocks: spec(
        retry=RetryRules(max_attempts=tries, reasons=named),
        max_losses=losses,
        on_worker_lost=policy,
        clocks=clocks,
    ),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(OnWorkerLost),
    st.sampled_from([(), ("timeout:execution",), ("oom",), ("timeout:total",)]),
    st.sampled_from([Clocks(), Clocks(queue=timedelta(1), execution=timedelta(1), total=timedelta(1))]),
)
HASTY = st.integers(0, 4)


def listening(machine: "JobMachine") -> bool:
    """Whether the last messages were not all refused: an example shall not be spent on refusals."""
    return machine.late < 3


class JobMachine(RuleBasedStateMachine):
    """Each rule makes one move and says beforehand what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self._submit(spec())

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """What would come next if all went well, and the next life after an end."""
        if self.model.state in ENDS:
            self._submit(data.draw(SPECS))
        elif self.model.held:
            self.release()
        elif self.model.state == "PENDING":
            self.assign(and_start=data.draw(st.booleans()))
        elif self.model.state == "SCHEDULED":
            self.start(0)
        else:
            self.finish(0, data.draw(results()), 0.5)

    @initialize(asked=SPECS)
    def submit(self, asked: JobSpec) -> None:
        self._submit(asked)

    def _submit(self, asked: JobSpec) -> None:
        self.job, self.model, self.late = Job.submit(new_job_id(), asked, at=T0).after, Model(), 0
        self.needs_a_person = False  # lost under FAIL or HOLD: nobody may run it again unasked

    @precondition(listening)
    @rule(and_start=st.booleans())
    def assign(self, and_start: bool) -> None:
        model = self.model
        if model.state != "PENDING" or model.held:
            return self._refused(IllegalMove, lambda at: self.job.assign(new_worker_id(), at=at))
        model.state, model.attempt, model.reported = "SCHEDULED", model.attempt + 1, False
        assert not self.needs_a_person, "P3: no second attempt by itself"
        self._moves(lambda at: self.job.assign(new_worker_id(), at=at))
        return self.start(0) if and_start else None

    @precondition(listening)
    @rule(behind=st.integers(-1, 2))
    def start(self, behind: int) -> None:
        number = self.job.attempt - behind
        if not self._accepted(number, lambda at: self.job.start(number, at=at)):
            return
        if self.model.state == "RUNNING":
            assert self.job.start(number, at=self._at()).is_same
            return
        self.model.state, self.model.undelivered = "RUNNING", 0
        self._moves(lambda at: self.job.start(number, at=at))

    @precondition(listening)
    @rule(behind=st.sampled_from([0, 0, 0, 1, -1]), result=results(), jitter=st.floats(0, 1))
    def finish(self, behind: int, result: JobResult, jitter: float) -> None:
        number = self.job.attempt - behind

        def move(at: datetime) -> Change[Job]:
            return self.job.finish(number, result, at=at, jitter=jitter)

        if not self._accepted(number, move):
            return
        self._expect_finish(result)
        self._moves(move, steps=2 if self._implies_start(result) else 1)

    def _implies_start(self, result: JobResult) -> bool:
        return self.job.state is JobState.SCHEDULED and result.exit_code == 0 and result.reason == "exit"

    def _expect_finish(self, result: JobResult) -> None:
        model, retry = self.model, self.job.spec.retry
        model.reported, model.undelivered = True, 0
        if result.reason == "exit" and result.exit_code == 0:
            model.state = "SUCCEEDED"
        elif model.wish or result.reason == "cancelled":
            model.state = "CANCELLED"
        else:
            model.failures += 1
            timeout = result.reason.startswith("timeout:")
            matches = result.reason in retry.reasons if (timeout or retry.reasons) else True
            again = matches and result.reason != "timeout:total" and model.failures < retry.max_attempts
            model.state = "PENDING" if again else "TIMEOUT" if timeout else "FAILED"

    @precondition(listening)
    @rule(hasty=HASTY)
    def cancel(self, hasty: int) -> None:
        model = self.model
        if self._spared(hasty):
            return None
        if model.state == "CANCELLED" or model.wish:
            assert self.job.cancel(at=self._at()).is_same
            return None
        if model.state in ENDS:
            return self._refused(IllegalMove, lambda at: self.job.cancel(at=at))
        model.wish = True
        if model.state == "PENDING":
            model.state, model.held = "CANCELLED", False
        return self._moves(lambda at: self.job.cancel(at=at, by="ana", reason="enough"))

    @precondition(listening)
    @rule(behind=st.sampled_from([0, 0, 0, 1, -1]))
    def lose(self, behind: int) -> None:
        number, model = self.job.attempt - behind, self.model
        if not self._accepted(number, lambda at: self.job.lose(number, at=at, why="silent")):
            return
        policy, model.undelivered = self.job.spec.on_worker_lost, 0
        if model.wish:
            model.state = "CANCELLED"
        else:
            model.losses += 1
            spent = policy is OnWorkerLost.RETRY and model.losses > self.job.spec.max_losses
            model.state = "FAILED" if spent or policy is OnWorkerLost.FAIL else "PENDING"
            model.held = policy is OnWorkerLost.HOLD
            self.needs_a_person = policy is not OnWorkerLost.RETRY
        self._moves(lambda at: self.job.lose(number, at=at, why="silent"))

    @precondition(listening)
    @rule(behind=st.sampled_from([0, 0, 0, 1, -1]))
    def give_back(self, behind: int) -> None:
        number, model = self.job.attempt - behind, self.model

        def move(at: datetime) -> Change[Job]:
            return self.job.give_back(number, at=at, why="no stream")

        if not self._accepted(number, move):
            return
        if model.state == "RUNNING":
            self._refused(IllegalMove, move)
            return
        model.undelivered += 1
        model.state = "CANCELLED" if model.wish else "FAILED" if model.undelivered >= 10 else "PENDING"
        self._moves(move)

    @precondition(listening)
    @rule(
        clock=st.sampled_from(["timeout:queue", "timeout:execution", "timeout:total", "cancelled"]),
        hasty=HASTY,
    )
    def expire(self, clock: str, hasty: int) -> None:
        if self._spared(hasty):
            return None
        model, limited = self.model, self.job.spec.clocks.total is not None
        runs = {
            "timeout:queue": limited and model.state == "PENDING" and not model.held,
            "timeout:execution": limited and model.state == "RUNNING",
            "timeout:total": limited and model.state not in ENDS,
            "cancelled": model.wish and model.state not in ENDS,
        }
        if not runs[clock]:
            return self._refused(IllegalMove, lambda at: self.job.expire(clock, at=at))
        model.state, model.held = "CANCELLED" if model.wish else "TIMEOUT", False
        return self._moves(lambda at: self.job.expire(clock, at=at))

    @precondition(listening)
    @rule(behind=st.integers(0, 1))
    def report(self, behind: int) -> None:
        number = self.job.attempt - behind

        def move(at: datetime) -> Change[Job]:
            return self.job.report(number, Progress(percentage=10), at=at)

        if self._accepted(number, move):
            self._moves(move)

    @precondition(listening)
    @rule()
    def release(self) -> None:
        if not self.model.held:
            return self._refused(IllegalMove, lambda at: self.job.release(at=at))
        self.model.held = False
        self.needs_a_person = False
        return self._moves(lambda at: self.job.release(at=at))

    @precondition(listening)
    @rule(hasty=HASTY)
    def give_up(self, hasty: int) -> None:
        if self._spared(hasty):
            return None
        failed = JobResult(reason=Reason.IMAGE_PULL, message="no such image")
        if self.model.state != "PENDING":
            return self._refused(IllegalMove, lambda at: self.job.give_up(failed, at=at))
        self.model.state, self.model.held = "FAILED", False
        return self._moves(lambda at: self.job.give_up(failed, at=at))

    @invariant()
    def the_job_is_as_the_model_says(self) -> None:
        job, model = self.job, self.model
        assert job.state == model.state
        assert (job.attempt, job.held) == (model.attempt, model.held)
        assert (job.failures, job.losses) == (model.failures, model.losses)
        assert (job.cancel_wish is not None) == model.wish

    @invariant()
    def what_is_kept_fits_the_state(self) -> None:
        job = self.job
        assert (job.result is not None) == (job.completed_at is not None) == (job.state in ENDS)
        assert (job.worker_id is not None) == (job.state in WITH_WORKER)
        assert job.is_queued == (job.state == "PENDING" and not job.held)
        assert job.is_over == (job.state in ENDS)
        if job.state == "RUNNING":
            assert job.started_at is not None
        if job.current is not None:
            assert job.current.number == job.attempt
            assert (job.current.ended_at is None) == (job.state in WITH_WORKER)
        if job.not_before is not None:
            assert job.state == "PENDING"

    def _accepted(self, number: int, move: Callable[[datetime], Change[Job]]) -> bool:
        """Whether a message about this attempt must be taken; checks the refusal if not."""
        model = self.model
        if model.state in WITH_WORKER and number == model.attempt:
            return True
        known = number == model.attempt and number > 0 and (model.state in ENDS or model.reported)
        self._refused(AlreadyEnded if known else StaleAttempt, move)
        return False

    def _spared(self, hasty: int) -> bool:
        """Most jobs shall live to be assigned."""
        return hasty > 0 and self.model.attempt == 0

    def _at(self) -> datetime:
        return self.job.changed_at - timedelta(seconds=1)  # the clock went back: time must rise all the same

    def _refused(self, error: type[HodeiError], move: Callable[[datetime], object]) -> None:
        self.late += 1
        with pytest.raises(HodeiError) as refusal:
            move(self._at())
        assert refusal.type is error

    def _moves(self, move: Callable[[datetime], Change[Job]], steps: int = 1) -> None:
        before = self.job
        change = move(self._at())
        self.late = 0
        assert before.state not in ENDS
        assert (change.base, change.after.version) == (before.version, before.version + steps)
        times = [before.changed_at, *(event.at for event in change.events)]
        assert times == sorted(set(times)), "events rise strictly in time"
        assert change.after.changed_at >= times[-1]
        assert change.after.changed_at > before.changed_at
        assert {event.correlation_id for event in change.events} <= {str(before.id)}
        self.job = change.after
