"""hodei.WorkerAgentService: registration and the stream of each worker."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from attrs import define, field, frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.reports import AttemptEnded, LogsArrived
from hodei_application.workers.hello import Hello
from hodei_domain.kernel.errors import Denied, InvalidInput, Unauthenticated
from hodei_domain.kernel.ids import JobId, WorkerId, parse_job_id, parse_worker_id
from hodei_proto.wire import hodei as wire

from hodei_grpc.caller import SESSION_KEY, metadata_of
from hodei_grpc.convert import reports, runs, workers
from hodei_grpc.convert.logs import to_chunk
from hodei_grpc.servicers import Context
from hodei_grpc.services.link import StreamLink

REMEMBERED = 20_000  # connections over which a worker registered; the oldest are forgotten
DRAIN_WITHIN = timedelta(hours=1)  # for a worker that says it is going and not by when


@define
class Registrations:
    """Which worker registered over which connection: existing workers prove themselves by that alone."""

    _workers: dict[str, WorkerId] = field(factory=dict, init=False)

    def note(self, peer: str, worker_id: WorkerId) -> None:
        """This connection speaks for this worker from now on."""
        self._workers.pop(peer, None)
        self._workers[peer] = worker_id
        if len(self._workers) > REMEMBERED:
            del self._workers[next(iter(self._workers))]

    def speaker(self, peer: str) -> WorkerId | None:
        """The worker that registered over this connection."""
        return self._workers.get(peer)


@frozen
class WorkerAgents:
    """What agents call."""

    _control: ControlPlane
    _now: Callable[[], datetime]
    _bears_token: Callable[[Context], bool]
    _registrations: Registrations = field(factory=Registrations)
    _links: dict[WorkerId, StreamLink] = field(factory=dict, init=False)

    async def register(
        self, request: wire.RegisterWorkerRequest, context: Context
    ) -> wire.RegisterWorkerResponse:
        """Let a worker in by its one-time password, or again by its session."""
        told = await self._control.register_worker(workers.to_registration(request))
        self._registrations.note(context.peer(), told.worker_id)
        return wire.RegisterWorkerResponse(
            worker_id=wire.WorkerId(value=str(told.worker_id)),
            success=True,
            message="registered",
            session_id=told.session_id,
            registration_time=told.registered_at,
        )

    async def worker_stream(
        self, requests: AsyncIterator[wire.WorkerMessage], context: Context
    ) -> AsyncGenerator[wire.ServerMessage, None]:
        """The one stream of a worker, until either side ends it."""
        worker_id = await self._speaker(context)
        first = await anext(aiter(requests), None)
        if first is None:
            return
        link = StreamLink(worker_id, is_legacy=first.hello is None)
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

    async def _speaker(self, context: Context) -> WorkerId:
        """Which worker a stream or call is of. Raise Unauthenticated."""
        session = metadata_of(context).get(SESSION_KEY)
        if session:
            return await self._control.authenticate_session(session)
        worker_id = self._registrations.speaker(context.peer())
        if worker_id is None:
            raise Unauthenticated(f"register over this connection first, or send `{SESSION_KEY}`")
        return worker_id

    async def _authorize(self, context: Context, worker_id: WorkerId) -> None:
        """A worker may speak for itself, the operator for any."""
        session = metadata_of(context).get(SESSION_KEY)
        if not session and self._registrations.speaker(context.peer()) is None and self._bears_token(context):
            return
        _same(await self._speaker(context), worker_id)

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


def _same(speaker: WorkerId, named: WorkerId) -> None:
    if speaker != named:
        raise Denied(f"this is worker {speaker}; it cannot speak for {named}")


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
            if first.hello.worker_id:
                _same(worker_id, parse_worker_id(first.hello.worker_id, "hello.worker_id"))
            await self._control.bind_worker(reports.to_hello(first.hello, worker_id), self._link)
            return
        if first.heartbeat is None:
            raise InvalidInput("the first message of a stream is a hello or a heartbeat", field="payload")
        self._check(first.heartbeat)
        await self._control.bind_worker(Hello(worker_id=worker_id), self._link)
        self._beat(first.heartbeat)

    async def _take(self, message: wire.WorkerMessage) -> None:
        control, link = self._control, self._link
        if message.log_chunk is not None:
            await control.report_attempt(link, LogsArrived(to_chunk(message.log_chunk)))
        elif message.started is not None:
            await control.report_attempt(link, reports.to_started(message.started))
        elif message.result is not None:
            await self._finish(message.result)
        elif message.heartbeat is not None:
            self._check(message.heartbeat)
            self._beat(message.heartbeat)
        elif message.log is not None:
            await self._legacy_log(message.log.job_id, [message.log])
        elif message.log_batch is not None:
            await self._legacy_log(message.log_batch.job_id, message.log_batch.entries)
        elif message.stats is not None:
            control.heartbeat(link, reports.stats_to_usage(message.stats))
        elif message.status is not None:
            await self._notice(message.status)
        elif message.hello is not None:
            raise InvalidInput("a stream has one hello, and it comes first", field="hello")

    def _check(self, heartbeat: wire.WorkerHeartbeat) -> None:
        """An empty id is taken for the stream's own worker."""
        if heartbeat.worker_id is not None and heartbeat.worker_id.value:
            _same(self._link.worker_id, workers.required_worker(heartbeat.worker_id, "heartbeat.worker_id"))

    def _beat(self, heartbeat: wire.WorkerHeartbeat) -> None:
        self._control.heartbeat(self._link, reports.to_usage(heartbeat.usage))
        self._link.answer(runs.HEARTBEAT_ACK)

    async def _notice(self, told: wire.WorkerStatusNotification) -> None:
        self._control.heartbeat(self._link, None)
        if told.status is wire.WorkerStatus.WORKER_STATUS_DRAINING:
            why = told.reason or "the worker says so"
            await self._control.drain_worker(self._link.worker_id, deadline=DRAIN_WITHIN, reason=why)

    async def _finish(self, told: wire.JobResultMessage) -> None:
        if not self._link.is_legacy:
            await self._control.report_attempt(self._link, reports.to_ended(told))
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
