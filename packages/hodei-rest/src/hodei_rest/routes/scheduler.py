"""The queue and the scheduler."""

from __future__ import annotations

from typing import Any

from hodei_domain.kernel.errors import NotFound, renaming
from hodei_domain.kernel.ids import parse_job_id
from litestar import Controller, Request, Response, get, patch
from litestar.params import JSONBody

from hodei_rest.answers import answer
from hodei_rest.callers import caller_of
from hodei_rest.convert.platform import from_config, from_decision, from_waiting, in_ms, to_document
from hodei_rest.desk import Id, TheDesk
from hodei_rest.schemas import platform as schema

Asked = Request[Any, Any, Any]


class NoDecision(NotFound):
    """No worker was chosen yet."""

    code = "decision.not-found"


class Scheduler(Controller):
    """What waits, and how it is decided."""

    path = "/api/v1"
    tags = ("Scheduler",)

    @get("/queue", summary="Show the queue")
    async def queue(self, request: Asked, desk: TheDesk) -> Response[schema.Queue]:
        """Jobs by state, and the classes of those that wait, the one that waits longest first."""
        told = await desk.control.queue_overview()
        return answer(
            request,
            schema.Queue(
                by_state={state.value: count for state, count in told.by_state.items()},
                oldest_pending_at=told.oldest,
                classes=[from_waiting(each) for each in told.classes],
            ),
        )

    @get("/scheduler", summary="Show how the scheduler decides")
    async def config(self, request: Asked, desk: TheDesk) -> Response[schema.SchedulerSettings]:
        """The settings that hold for all replicas."""
        return answer(request, from_config(await desk.control.scheduler_config()))

    @patch("/scheduler", summary="Change how the scheduler decides")
    async def configure(
        self, request: Asked, desk: TheDesk, data: JSONBody[schema.SchedulerChanges]
    ) -> Response[schema.SchedulerSettings]:
        """Set what is given and leave the rest."""
        with renaming(in_ms):
            wanted = (await desk.control.scheduler_config()).with_json(to_document(data))
        told = await desk.control.configure_scheduler(wanted, by=caller_of(request).actor or "")
        return answer(request, from_config(told))

    @get("/scheduler/decisions/{job_id:str}", summary="Show why a job went to its worker")
    async def decision(self, request: Asked, desk: TheDesk, job_id: Id) -> Response[schema.Decision]:
        """The decision behind its newest attempt; 404 before the first."""
        id = parse_job_id(job_id)
        found = await desk.control.get_decision(id)
        if found is None:
            raise NoDecision(f"job {id} was not given to a worker yet")
        return answer(request, from_decision(found))
