"""hodei.WorkerService."""

from datetime import timedelta

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import ProviderId, parse_worker_id
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.worker import WorkerState
from hodei_proto.wire import hodei as wire

from hodei_grpc.convert.providers import to_ref
from hodei_grpc.convert.workers import to_view
from hodei_grpc.servicers import Context

PAGE = 100


@frozen
class Workers:
    """Workers, for operators."""

    _control: ControlPlane

    async def list_workers(
        self, request: wire.ListWorkersRequest, context: Context
    ) -> wire.ListWorkersResponse:
        """Workers, newest first."""
        states = frozenset(map(_state, filter(None, (request.state, *request.states))))
        wanted = WorkerFilter(
            states=states,
            provider_id=await self._provider(request.provider) if request.provider else None,
            include_ended=request.include_ended or WorkerState.TERMINATED in states,
            limit=request.limit or PAGE,
        )
        found = await self._control.list_workers(wanted)
        return wire.ListWorkersResponse(workers=[to_view(each) for each in found])

    async def get_worker(self, request: wire.GetWorkerRequest, context: Context) -> wire.GetWorkerResponse:
        """One worker, also after its end."""
        found = await self._control.get_worker(parse_worker_id(request.worker_id))
        return wire.GetWorkerResponse(worker=to_view(found))

    async def drain_worker(
        self, request: wire.DrainWorkerRequest, context: Context
    ) -> wire.DrainWorkerResponse:
        """No new work for this one; it goes when its job is done."""
        worker_id = parse_worker_id(request.worker_id)
        if request.deadline is not None and request.deadline < timedelta(0):
            raise InvalidInput("must not be negative", field="deadline")
        await self._control.drain_worker(
            worker_id, deadline=request.deadline, reason=request.reason or "drained by hand"
        )
        found = await self._control.get_worker(worker_id)
        return wire.DrainWorkerResponse(worker=to_view(found))

    async def terminate_worker(
        self, request: wire.TerminateWorkerRequest, context: Context
    ) -> wire.TerminateWorkerResponse:
        """Destroy this one at once."""
        worker_id = parse_worker_id(request.worker_id)
        done = await self._control.terminate_worker(worker_id, reason=request.reason)
        found = await self._control.get_worker(worker_id)
        lost = "" if done.lost is None else str(done.lost.id)
        return wire.TerminateWorkerResponse(worker=to_view(found), lost_job_id=lost)

    async def get_worker_logs(
        self, request: wire.GetWorkerLogsRequest, context: Context
    ) -> wire.GetWorkerLogsResponse:
        """What its agent printed."""
        tail = request.tail_lines or PAGE
        told = await self._control.worker_logs(parse_worker_id(request.worker_id), tail)
        return wire.GetWorkerLogsResponse(lines=list(told.lines), truncated=told.truncated)

    async def _provider(self, text: str) -> ProviderId:
        return (await self._control.get_provider(to_ref(text, "provider"))).provider.id


def _state(text: str) -> WorkerState:
    try:
        return WorkerState(text.upper())
    except ValueError:
        raise InvalidInput(f"is none of {', '.join(WorkerState)}", field="state") from None
