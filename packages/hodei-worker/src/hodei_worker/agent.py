"""Do what the server says: run attempts, one at a time, stop them, tell how they ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import betterproto2
from hodei_proto.wire import hodei as wire

from hodei_worker import convert
from hodei_worker.attempt import Attempt, Host
from hodei_worker.journal import Journal
from hodei_worker.lease import Lease
from hodei_worker.order import Key, NotStarted, Order, Outcome
from hodei_worker.outbox import Holding, Outbox
from hodei_worker.spool import Spool
from hodei_worker.usage import UsageMeter
from hodei_worker.watch import Watch

log = logging.getLogger("hodei.worker")

PROTOCOL = 1
FEATURES = ["live-input"]
GIVEN_BACK = "given-back"  # never started: the server may give the job to another worker
LOST = "worker-lost"  # started, and ended by us for no fault of the job's


def _spool(host: Host) -> Spool:
    """What does not fit into memory, and what the server does not take at once, goes to the host's disk."""
    return Spool(journal=None if host.shelf is None else Journal(host.shelf))


class Agent:
    """Takes the server's messages, and leaves what it has to say in the outbox.

    Knows nothing of connections. `make_attempt` and `make_spool` make what an attempt is and what holds its
    output.
    """

    def __init__(
        self,
        host: Host,
        outbox: Outbox,
        meter: UsageMeter | None = None,
        make_attempt: Callable[[Order, Spool, Host], Attempt] = Attempt,
        make_spool: Callable[[Host], Spool] = _spool,
    ) -> None:
        self._host = host
        self._outbox = outbox
        self._make_attempt = make_attempt
        self._make_spool = make_spool
        self._meter = meter or UsageMeter()
        self._current: Attempt | None = None
        self._superseded = False  # the current attempt is being killed, and nobody wants to hear of it
        self._next: wire.RunJobCommand | None = None  # what came meanwhile
        self._task: asyncio.Task[None] | None = None
        self._lines_dropped = 0
        self._overtime: asyncio.TimerHandle | None = None
        self.draining = False
        self.drained = asyncio.Event()
        self.lease = Lease(self._lease_is_over)
        self.watch = Watch()

    @property
    def busy(self) -> bool:
        """True while a job runs."""
        return self._current is not None

    @property
    def occupied(self) -> bool:
        """True while there is anything to do or to tell here, or the agent is about to leave."""
        return self.busy or self.draining or not self._outbox.empty

    # -- what it says of itself --------------------------------------------------------------------

    def hello(self) -> wire.WorkerMessage:
        """The first message of a stream: what we hold from before."""
        running: list[wire.RunningAttempt] = []
        finished: list[wire.RunningAttempt] = []
        for holding in self._outbox:
            told = wire.RunningAttempt(
                job_id=holding.key.job_id,
                attempt=holding.key.attempt,
                next_sequence=holding.spool.acknowledged,
            )
            (running if holding.running else finished).append(told)
        return wire.WorkerMessage(
            hello=wire.WorkerHello(
                worker_id=self._host.worker_id,
                running=running,
                finished=finished,
                protocol=PROTOCOL,
                features=FEATURES,
            )
        )

    def heartbeat(self) -> wire.WorkerMessage:
        """A sign of life, with what the job uses."""
        running = self._current
        return wire.WorkerMessage(
            heartbeat=wire.WorkerHeartbeat(
                worker_id=wire.WorkerId(value=self._host.worker_id),
                status=self._status(),
                usage=convert.to_usage(self._meter.usage(running, self.watch.is_on)) if running else None,
                active_jobs=1 if running else 0,
                running_job_ids=[running.order.key.job_id] if running else [],
                timestamp=datetime.now(UTC),
                dropped_logs=self._lines_dropped + (running.dropped_lines if running else 0),
            )
        )

    def _status(self) -> wire.WorkerStatus:
        if self.draining:
            return wire.WorkerStatus.WORKER_STATUS_DRAINING
        return (
            wire.WorkerStatus.JOB_STATUS_BUSY if self._current else wire.WorkerStatus.WORKER_STATUS_AVAILABLE
        )

    # -- what the server says ----------------------------------------------------------------------

    def receive(self, message: wire.ServerMessage) -> None:
        """Do what one message says. Those that a newer server may know and we do not are passed over."""
        _, payload = betterproto2.which_one_of(message, "payload")
        match payload:
            case wire.RunJobCommand():
                self._run(payload)
            case wire.LogAck():
                holding = self._outbox.get(Key(payload.job_id, payload.attempt))
                if holding is not None:
                    holding.spool.acknowledge(payload.next_sequence)
            case wire.ResultAck():
                self._acknowledged(payload)
            case wire.CancelJobCommand():
                self._cancel(payload)
            case wire.StopAttempt():
                self._supersede(Key(payload.job_id, payload.attempt), payload.reason)
            case wire.DrainWorker():
                self.drain(payload.deadline_ms / 1000, payload.reason or "asked by the server")
            case wire.Welcome():
                self._welcome(payload)
            case wire.InputChunk():
                self._input(payload)
            case wire.WatchUsage():
                self.watch.ask(payload.interval_ms / 1000, payload.lasts_ms / 1000)
            case _:
                pass

    def _welcome(self, welcome: wire.Welcome) -> None:
        for answer in welcome.answers:
            key = Key(answer.job_id, answer.attempt)
            holding = self._outbox.get(key)
            if holding is None:
                continue
            match answer.action:
                case wire.AttemptAction.CONTINUE:
                    holding.resume(answer.next_sequence)
                case wire.AttemptAction.DONE if not holding.running:
                    self._outbox.drop(key)
                case _:
                    self._supersede(key, "superseded")
        for (
            holding
        ) in self._outbox:  # a server that forgot to answer is told everything, and may say stop then
            if not holding.resumed:
                holding.resume(holding.spool.acknowledged)
        if self.draining:
            self._tell_status("draining")
        self._outbox.wake()

    def _run(self, command: wire.RunJobCommand) -> None:
        key = Key(command.job_id, command.attempt)
        if self._outbox.get(key) is not None:
            return  # said twice
        if self._current is not None and self._superseded and not self.draining:
            self._next = command  # as soon as the one that is being killed is gone
            return
        holding = self._hold(key)
        if self.lease.over:
            self._finish(holding, _given_back("it came when the worker's lease was over"))
            self.watch.wake()  # ask for another lease, or the next order would come too early as well
        elif self.draining:
            self._finish(holding, _given_back("the worker is draining"))
        elif self._current is not None:
            self._finish(holding, _given_back(f"the worker is busy with job {self._current.order.key}"))
        else:
            self._begin(command, holding)

    def _hold(self, key: Key) -> Holding:
        return self._outbox.hold(key, self._make_spool(self._host))

    def _begin(self, command: wire.RunJobCommand, holding: Holding) -> None:
        try:
            attempt = self._make_attempt(convert.to_order(command), holding.spool, self._host)
            attempt.on_input = lambda taken, closed: self._outbox.post(
                convert.from_input(holding.key, taken, closed)
            )
            holding.started = attempt.start()
        except NotStarted as refusal:
            self._finish(holding, refusal.outcome)
        except Exception as e:  # whatever a job brings along, the agent lives on to serve the next
            log.exception("Job %s could not be started", holding.key)
            self._finish(holding, Outcome(reason="spawn", exit_code=1, message=str(e), started=False))
        else:
            log.info("Job %s started: pid %d", holding.key, holding.started.pid)
            self._current, self._superseded = attempt, False
            self._meter.begin(attempt)
            self._outbox.wake()
            self.lease.watch()
            if self.lease.is_old:  # the server was away, and this job has a lease of its own by now
                self.watch.wake()
            self._task = asyncio.create_task(self._see_through(attempt, holding))

    async def _see_through(self, attempt: Attempt, holding: Holding) -> None:
        try:
            outcome = await attempt.run()
        except Exception as e:
            log.exception("Job %s: its end could not be told", holding.key)
            outcome = Outcome(reason=LOST, exit_code=-1, message=f"the agent failed: {e}")
        self._current = None
        self.lease.unwatch()
        self._lines_dropped += attempt.dropped_lines
        if self._outbox.get(holding.key) is holding:
            self._finish(holding, outcome, attempt)
        self._go_on()

    def _go_on(self) -> None:
        """The place is free."""
        command, self._next = self._next, None
        if command is not None:
            self._run(command)
        if self.draining and self._current is None:
            self.drained.set()

    def _finish(self, holding: Holding, outcome: Outcome, attempt: Attempt | None = None) -> None:
        holding.result = convert.from_outcome(
            holding.key,
            outcome,
            at=datetime.now(UTC),
            next_sequence=attempt.next_sequence - holding.spool.lost_entries if attempt else 0,
            log_bytes=attempt.log_bytes - holding.spool.lost_bytes if attempt else 0,
        )
        self._outbox.wake()
        log.info("Job %s ended: %s", holding.key, f"{outcome.reason} {outcome.message}".strip())

    def _input(self, chunk: wire.InputChunk) -> None:
        key = Key(chunk.job_id, chunk.attempt)
        if self._current is not None and self._current.order.key == key:
            self._current.receive_input(chunk.offset, chunk.data, end=chunk.end)
        else:
            self._outbox.post(convert.from_input(key, 0, closed=True))

    def _acknowledged(self, ack: wire.ResultAck) -> None:
        key = Key(ack.job_id, ack.attempt)
        if not ack.accepted:
            log.warning("Job %s: its end came too late: %s", key, ack.message)
        self._outbox.drop(key)

    def _cancel(self, command: wire.CancelJobCommand) -> None:
        key = Key(command.job_id, command.attempt)
        reason = command.reason or "cancelled"
        if self._current is not None and self._current.order.key == key:
            log.info("Job %s is to be stopped: %s", key, reason)
            self._current.stop(reason, _why_stopped(reason), convert.grace_of(command))
        elif self._outbox.get(key) is None:  # the order got lost on its way; the wish must not wait for ever
            outcome = Outcome(reason=reason, exit_code=-1, message="it had not started", started=False)
            self._finish(self._hold(key), outcome)

    def _supersede(self, key: Key, reason: str) -> None:
        """Another attempt counts now: kill this one, say nothing more of it."""
        self._outbox.drop(key)
        if self._current is not None and self._current.order.key == key:
            log.warning("Job %s is killed: %s", key, reason)
            self._superseded = True
            self._current.stop("superseded", reason, 0.0)

    # -- leaving -----------------------------------------------------------------------------------

    def drain(self, seconds: float, reason: str) -> None:
        """Take no more work; what runs may go on for so long. `drained` is set when nothing runs.

        A second call can only shorten the time.
        """
        if not self.draining:
            log.info("Draining: %s", reason)
            self.draining = True
            self._outbox.post(
                wire.WorkerMessage(status=wire.WorkerStatusNotification(status=self._status(), reason=reason))
            )
        if self._current is None:
            self.drained.set()
            return
        loop = asyncio.get_running_loop()
        if self._overtime is None or self._overtime.when() > loop.time() + seconds:
            if self._overtime is not None:
                self._overtime.cancel()
            self._overtime = loop.call_later(seconds, self.hand_back, reason)

    def _tell_status(self, reason: str) -> None:
        told = wire.WorkerStatusNotification(status=self._status(), reason=reason)
        self._outbox.post(wire.WorkerMessage(status=told))

    def hand_back(self, reason: str, grace: float | None = None) -> None:
        """End what runs, so that the server gives the job to another worker."""
        if self._current is not None:
            self._current.stop(LOST, f"the worker left: {reason}", grace)

    def _lease_is_over(self) -> None:
        """Nobody has told us in time that the attempt is still ours: others may be given it from now on."""
        if self._current is not None and not self._superseded:
            log.warning("Job %s is killed: the server could not be reached in time", self._current.order.key)
            self._current.stop(LOST, "its worker could not reach the server within its lease", 0.0)

    async def abandon(self, reason: str) -> None:
        """Kill what runs and forget everything: the server has given it to others by now."""
        for holding in list(self._outbox):
            self._supersede(holding.key, reason)
        if self._task is not None:
            await self._task


def _given_back(why: str) -> Outcome:
    return Outcome(reason=GIVEN_BACK, exit_code=-1, message=why, started=False)


def _why_stopped(reason: str) -> str:
    return "cancelled" if reason == "cancelled" else f"stopped by the control plane: {reason}"
