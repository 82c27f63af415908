"""hodei.WorkerAgentService: registration and the stream of each worker."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from attrs import define, field, frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.reports import AttemptEnded, LogsArrived, Report
from hodei_application.workers.hello import Hello
from hodei_domain.kernel.errors import Denied, InvalidInput, Unauthenticated
from hodei_domain.kernel.ids import JobId, WorkerId, parse_job_id, parse_worker_id
from hodei_proto.wire import hodei as wire

from hodei_grpc.caller import SESSION_KEY, metadata_of
from hodei_grpc.convert import reports, runs, workers
from hodei_grpc.convert.logs import to_chunk
from hodei_grpc.servicers import Context
from hodei_grpc.services.link import StreamLink

T = TypeVar("T", wire.LogChunk, wire.JobStarted, wire.JobResultMessage)

REMEMBERED = 20_000  # connections over which a worker registered; the oldest are forgotten
DRAIN_WITHIN = timedelta(hours=1)  # for a worker that says it is going and not by when


@define
class Registrations:
    """Which workers registered over which connection: existing workers prove themselves by that alone.

    A connection has one worker, or, behind a proxy, those that the proxy serves.
    """

    _workers: dict[tuple[str, WorkerId], None] = field(factory=dict, init=False)

    def note(self, peer: str, worker_id: WorkerId) -> None:
        """This connection may speak for this worker from now on."""
        self._workers.pop((peer, worker_id), None)
        self._workers[peer, worker_id] = None
        if len(self._workers) > REMEMBERED:
            del self._workers[next(iter(self._workers))]

    def may_speak(self, peer: str, worker_id: WorkerId) -> bool:
        """Whether this worker registered over this connection."""
        return (peer, worker_id) in self._workers


def always(_: str) -> bool:
    """Admits whatever the control plane admits."""
    return True


@frozen
class WorkerAgents:
    """What agents call. `admits` is asked about a registration's token before the control plane is."""

    _control: ControlPlane
    _now: Callable[[], datetime]
    _bears_token: Callable[[Context], bool]
    _admits: Callable[[str], bool] = always
    _registrations: Registrations = field(factory=Registrations)
    _links: dict[WorkerId, StreamLink] = field(factory=dict, init=False)

    async def register(
        self, request: wire.RegisterWorkerRequest, context: Context
    ) -> wire.RegisterWorkerResponse:
        """Let a worker in by its one-time password, or again by its session."""
        if not self._admits(request.auth_token):
            raise Unauthenticated("this door is for workers with a one-time password")
        told = await self._control.register_worker(workers.to_registration(request))
        self._registrations.note(context.peer(), told.worker_id)
        return wire.RegisterWorkerResponse(
            worker_id=wire.WorkerId(value=str(told.worker_id)),
            success=True,
            message="registered",
            session_id=told.session_id,
            registration_time=told.registered_at,
            server_id=self._control.server_id,
        )

    async def worker_stream(
        self, requests: AsyncIterator[wire.WorkerMessage], context: Context
    ) -> AsyncGenerator[wire.ServerMessage, None]:
        """The one stream of a worker, until either side ends it."""
        session = await self._session(context)
        first = await anext(aiter(requests), None)
        if first is None:
            return
        worker_id = self._speaker(context, session, _named(first))
        link = StreamLink(worker_id, is_legacy=first.hello is None, takes_input=reports.takes_input(first))
        dialogue = _Dialogue(self._control, link)
        listening = asyncio.create_task(dialogue.listen(first, requests), name=f"stream of {worker_id}")
        self._links[worker_id] = link
        try:
            async for message in link.messages():
                yield message
            if listening.done():
                listening.result()  # raises what ended it
        finally:
            await self._end(link, listening)

    async def _end(self, link: StreamLink, listening: asyncio.Task[None]) -> None:
        if self._links.get(link.worker_id) is link:
            del self._links[link.worker_id]
        link.close("the stream has ended")
        listening.cancel()
        with suppress(asyncio.CancelledError, Exception):  # told to the worker already, if anybody listens
            await listening
        await self._control.disconnect_worker(link)

    async def _session(self, context: Context) -> WorkerId | None:
        """The worker whose session the caller presents, None without one. Raise Unauthenticated."""
        session = metadata_of(context).get(SESSION_KEY)
        return await self._control.authenticate_session(session) if session else None

    def _speaker(self, context: Context, session: WorkerId | None, named: WorkerId | None) -> WorkerId:
        """Which worker speaks. Raise Unauthenticated, and Denied for one that names another."""
        if session is not None:
            if named not in (None, session):
                raise Denied(f"this is worker {session}; it cannot speak for {named}")
            return session
        if named is None or not self._registrations.may_speak(context.peer(), named):
            raise Unauthenticated(f"register over this connection first, or send `{SESSION_KEY}`")
        return named

    async def _authorize(self, context: Context, worker_id: WorkerId) -> None:
        """A worker may speak for itself, the operator for any."""
        session = await self._session(context)
        if session is None and self._bears_token(context):
            return
        self._speaker(context, session, worker_id)

    async def update_worker_status(
        self, request: wire.UpdateWorkerStatusRequest, context: Context
    ) -> wire.UpdateWorkerStatusResponse:
        """A sign of life outside the stream. A worker that says it is draining gets no more work."""
        worker_id = workers.required_worker(request.worker_id)
        await self._authorize(context, worker_id)
        link = self._links.get(worker_id)
        if link is not None:
            self._control.heartbeat(link, reports.to_usage(request.usage))
        if request.status is wire.WorkerStatus.WORKER_STATUS_DRAINING:
            await self._control.drain_worker(worker_id, deadline=DRAIN_WITHIN, reason="the worker says so")
        return wire.UpdateWorkerStatusResponse(success=True, message="noted", timestamp=self._now())

    async def unregister_worker(
        self, request: wire.UnregisterWorkerRequest, context: Context
    ) -> wire.UnregisterWorkerResponse:
        """A worker leaves for good."""
        worker_id = workers.required_worker(request.worker_id)
        await self._authorize(context, worker_id)
        given_back = await self._control.unregister_worker(
            worker_id, force=request.force, reason=request.reason or "the worker left"
        )
        return wire.UnregisterWorkerResponse(success=True, message="gone", jobs_migrated=given_back)


def _named(first: wire.WorkerMessage) -> WorkerId | None:
    """Who the first message of a stream says it is; None if it leaves that out. Raise InvalidInput."""
    if first.hello is not None:
        told = first.hello.worker_id
    elif first.heartbeat is not None:
        told = first.heartbeat.worker_id.value if first.heartbeat.worker_id is not None else ""
    else:
        raise InvalidInput("the first message of a stream is a hello or a heartbeat", field="payload")
    return parse_worker_id(told) if told else None


@define
class _Dialogue:
    """What one worker says over one stream."""

    _control: ControlPlane
    _link: StreamLink
    _text: dict[JobId, reports.LegacyText] = field(factory=dict, init=False)

    async def listen(self, first: wire.WorkerMessage, others: AsyncIterator[wire.WorkerMessage]) -> None:
        """Bind the stream by its first message, then take in the others until the worker ends it."""
        try:
            await self._bind(first)
            async for message in others:
                await self._take(message)
        finally:
            self._link.close("the worker ended its stream")

    async def _bind(self, first: wire.WorkerMessage) -> None:
        worker_id = self._link.worker_id
        if first.hello is not None:
            await self._control.bind_worker(reports.to_hello(first.hello, worker_id), self._link)
        elif first.heartbeat is not None:
            await self._control.bind_worker(Hello(worker_id=worker_id), self._link)
            self._beat(first.heartbeat)

    async def _take(self, message: wire.WorkerMessage) -> None:
        control, link = self._control, self._link
        if message.log_chunk is not None:
            await self._report(message.log_chunk, lambda told: LogsArrived(to_chunk(told)))
        elif message.started is not None:
            await self._report(message.started, reports.to_started)
        elif message.result is not None:
            await self._finish(message.result)
        elif message.heartbeat is not None:
            self._beat(message.heartbeat)
        elif message.log is not None:
            await self._legacy_log(message.log.job_id, [message.log])
        elif message.log_batch is not None:
            await self._legacy_log(message.log_batch.job_id, message.log_batch.entries)
        elif message.stats is not None:
            control.heartbeat(link, reports.stats_to_usage(message.stats))
        elif message.status is not None:
            await self._notice(message.status)
        elif message.input_ack is not None:
            control.input_acks(link, *reports.to_input_state(message.input_ack))
        elif message.hello is not None:
            raise InvalidInput("a stream has one hello, and it comes first", field="hello")

    def _beat(self, heartbeat: wire.WorkerHeartbeat) -> None:
        told = heartbeat.worker_id.value if heartbeat.worker_id is not None else ""
        if told and parse_worker_id(told, "heartbeat.worker_id") != self._link.worker_id:
            raise Denied(f"this is the stream of worker {self._link.worker_id}; it cannot speak for {told}")
        left = self._control.heartbeat(
            self._link, reports.to_usage(heartbeat.usage, heartbeat.running_job_ids)
        )
        self._link.answer(runs.heartbeat_ack(left))

    async def _notice(self, told: wire.WorkerStatusNotification) -> None:
        self._control.heartbeat(self._link, None)
        if told.status is wire.WorkerStatus.WORKER_STATUS_DRAINING:
            why = told.reason or "the worker says so"
            await self._control.drain_worker(self._link.worker_id, deadline=DRAIN_WITHIN, reason=why)

    async def _report(self, told: T, read: Callable[[T], Report]) -> None:
        """Take in a report. One that cannot be read does not end the stream: it would come again at once."""
        try:
            report = read(told)
        except InvalidInput as refusal:
            job_id = parse_job_id(told.job_id, "job_id")
            self._control.report_attempt.refused(self._link, job_id, told.attempt, refusal)
        else:
            await self._control.report_attempt(self._link, report)

    async def _finish(self, told: wire.JobResultMessage) -> None:
        if not self._link.is_legacy:
            await self._report(told, reports.to_ended)
            return
        job_id = parse_job_id(told.job_id, "result.job_id")
        counted = self._control.legacy_log(self._link, job_id)
        if counted is not None:  # else it is of an attempt that is this worker's no more
            self._text.pop(job_id, None)
            ended = AttemptEnded(job_id, counted.attempt, reports.to_legacy_result(told))
            await self._control.report_attempt(self._link, ended)

    async def _legacy_log(self, told: str, lines: list[wire.LogEntry]) -> None:
        job_id = parse_job_id(told or (lines[0].job_id if lines else ""), "log.job_id")
        counted = self._control.legacy_log(self._link, job_id)
        if counted is None:
            return
        text = self._text.setdefault(job_id, reports.LegacyText())
        for line in lines:
            data = text.read(line)
            if data:
                at = line.timestamp or datetime.now(UTC)
                chunk = counted.chunk(data, stderr=line.is_stderr, at=at)
                await self._control.report_attempt(self._link, LogsArrived(chunk))
