"""Workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from hodei_domain.kernel.ids import parse_worker_id
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.state import WorkerState
from litestar import Controller, Request, Response, get, post
from litestar.params import JSONBody, QueryParameter

from hodei_rest.answers import answer
from hodei_rest.convert.providers import to_ref
from hodei_rest.convert.workers import from_view
from hodei_rest.desk import Desk, Id, TheDesk
from hodei_rest.schemas import workers as schema

Asked = Request[Any, Any, Any]


class Workers(Controller):
    """Workers."""

    path = "/api/v1/workers"
    tags = ("Workers",)

    @get(summary="List workers, newest first")
    async def list_all(
        self,
        request: Asked,
        desk: TheDesk,
        states: Annotated[list[schema.WorkerStateName] | None, QueryParameter(name="state")] = None,
        provider: Annotated[str, QueryParameter(max_length=128, description="Its id or name")] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1000,
    ) -> Response[list[schema.Worker]]:
        """Those that are no more only where TERMINATED is asked for."""
        found = await desk.control.get_provider(to_ref(provider)) if provider else None
        wanted = WorkerFilter(
            states=frozenset(map(WorkerState, states or ())),
            provider_id=None if found is None else found.provider.id,
            include_ended="TERMINATED" in (states or ()),
            limit=limit,
        )
        return answer(request, [from_view(view) for view in await desk.control.list_workers(wanted)])

    @get("/{worker_id:str}", summary="Show a worker")
    async def show(self, request: Asked, desk: TheDesk, worker_id: Id) -> Response[schema.Worker]:
        """Everything known of it."""
        return answer(request, await _shown(desk, worker_id))

    @post("/{worker_id:str}/drain", summary="Drain a worker", status_code=200)
    async def drain(
        self,
        request: Asked,
        desk: TheDesk,
        worker_id: Id,
        data: JSONBody[schema.DrainWorker | None] = None,
    ) -> Response[schema.Worker]:
        """No new jobs; it goes when its job is done, at the latest after the time given."""
        asked = data or schema.DrainWorker()
        await desk.control.drain_worker(
            parse_worker_id(worker_id),
            deadline=None if asked.within_ms is None else timedelta(milliseconds=asked.within_ms),
            reason=asked.reason or "drained by an operator",
        )
        return answer(request, await _shown(desk, worker_id))

    @post("/{worker_id:str}/terminate", summary="Terminate a worker", status_code=200)
    async def terminate(
        self,
        request: Asked,
        desk: TheDesk,
        worker_id: Id,
        data: JSONBody[schema.TerminateWorker | None] = None,
    ) -> Response[schema.Worker]:
        """What it runs is lost, and the job's policy decides what becomes of it."""
        asked = data or schema.TerminateWorker()
        await desk.control.terminate_worker(
            parse_worker_id(worker_id), force=asked.force, reason=asked.reason
        )
        return answer(request, await _shown(desk, worker_id))

    @get("/{worker_id:str}/logs", summary="Read what a worker's agent printed")
    async def logs(
        self,
        request: Asked,
        desk: TheDesk,
        worker_id: Id,
        tail: Annotated[int, QueryParameter(ge=1, le=10_000)] = 100,
    ) -> Response[schema.WorkerLog]:
        """Its last lines, as its provider has them."""
        found = await desk.control.worker_logs(parse_worker_id(worker_id), tail)
        return answer(request, schema.WorkerLog(lines=list(found.lines), truncated=found.truncated))


async def _shown(desk: Desk, worker_id: str) -> schema.Worker:
    return from_view(await desk.control.get_worker(parse_worker_id(worker_id)))
