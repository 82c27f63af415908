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
        names = await self._names()
        wanted = WorkerFilter(
            states=frozenset({_state(request.state)} if request.state else ()),
            provider_id=await self._provider(request.provider) if request.provider else None,
            include_ended=request.include_ended or request.state.upper() == WorkerState.TERMINATED,
            limit=request.limit or PAGE,
        )
        found = await self._control.list_workers(wanted)
        return wire.ListWorkersResponse(
            workers=[to_view(each.worker, names.get(each.worker.provider_id, "")) for each in found]
        )

    async def get_worker(self, request: wire.GetWorkerRequest, context: Context) -> wire.GetWorkerResponse:
        """One worker, also after its end."""
        found = await self._control.get_worker(parse_worker_id(request.worker_id))
        return wire.GetWorkerResponse(
            worker=to_view(found.worker, (await self._names()).get(found.worker.provider_id, ""))
        )

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
        names = await self._names()
        return wire.DrainWorkerResponse(worker=to_view(found.worker, names.get(found.worker.provider_id, "")))

    async def _names(self) -> dict[ProviderId | None, str]:
        return {each.provider.id: each.provider.name for each in await self._control.list_providers()}

    async def _provider(self, text: str) -> ProviderId:
        return (await self._control.get_provider(to_ref(text, "provider"))).provider.id


def _state(text: str) -> WorkerState:
    try:
        return WorkerState(text.upper())
    except ValueError:
        raise InvalidInput(f"is none of {', '.join(WorkerState)}", field="state") from None
