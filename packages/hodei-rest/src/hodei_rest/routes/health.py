"""Whether the service lives and serves."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get
from msgspec import Struct

from hodei_rest.answers import answer
from hodei_rest.desk import Desk, TheDesk


class HealthStatus(Struct, kw_only=True):
    """`live`: nothing needs a restart. `ready`: the database answers, so that calls make sense."""

    status: str
    live: bool
    ready: bool


class Health(Controller):
    """Probes; they need no token."""

    path = "/health"
    tags = ("Health",)

    @get(summary="Whether it serves")
    async def health(self, request: Request[Any, Any, Any], desk: TheDesk) -> Response[HealthStatus]:
        """200 while it serves, 503 while it does not."""
        told = _of(desk)
        return answer(request, told, status=200 if told.ready and told.live else 503)

    @get("/live", summary="Whether it lives")
    async def live(self, request: Request[Any, Any, Any], desk: TheDesk) -> Response[HealthStatus]:
        """503: only a restart helps."""
        told = _of(desk)
        return answer(request, told, status=200 if told.live else 503)

    @get("/ready", summary="Whether it is ready")
    async def ready(self, request: Request[Any, Any, Any], desk: TheDesk) -> Response[HealthStatus]:
        """503: ask another replica, or later."""
        told = _of(desk)
        return answer(request, told, status=200 if told.ready else 503)


def _of(desk: Desk) -> HealthStatus:
    live, ready = desk.control.is_live(), desk.control.is_ready() and not desk.stopping.is_set()
    return HealthStatus(status="ok" if live and ready else "unavailable", live=live, ready=ready)
