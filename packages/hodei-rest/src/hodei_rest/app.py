"""The service: routes, the dashboard's files, and the gate before both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define
from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from hodei_rest.bodies import StrictRequest
from hodei_rest.desk import Desk
from hodei_rest.parameters import parameters_of, refuse_unknown
from hodei_rest.problems import answer_error
from hodei_rest.routes.audit import Audit
from hodei_rest.routes.docs import Docs
from hodei_rest.routes.events import Events
from hodei_rest.routes.health import Health
from hodei_rest.routes.jobs import Jobs
from hodei_rest.routes.logs import Logs
from hodei_rest.routes.metrics import Metrics, Usage
from hodei_rest.routes.providers import Providers, ProviderTypes
from hodei_rest.routes.scheduler import Scheduler
from hodei_rest.routes.sessions import Sessions
from hodei_rest.routes.system import System
from hodei_rest.routes.workers import Workers

__all__ = ["ROUTES", "Service", "api"]

OURS = ("/api", "/health", "/docs")

ROUTES: Sequence[ControllerRouterHandler] = (
    Jobs,
    Logs,
    Usage,
    Providers,
    ProviderTypes,
    Workers,
    Scheduler,
    Audit,
    Events,
    System,
    Metrics,
    Health,
    Sessions,
    Docs,
)
"""All controllers, in the order of the documentation. What answers more is added here."""

SMALL_BODY = 1024 * 1024


def api(desk: Desk, routes: Sequence[ControllerRouterHandler] = ROUTES, **more: Any) -> Litestar:
    """The routes with what they work on."""
    known: dict[str, frozenset[str]] = {}
    app = Litestar(
        route_handlers=[*routes],
        before_request=lambda request: refuse_unknown(request, known),
        dependencies={"desk": Provide(lambda: desk, sync_to_thread=False, use_cache=True)},
        exception_handlers={Exception: answer_error},
        openapi_config=None,
        logging_config=None,
        request_class=StrictRequest,
        request_max_body_size=SMALL_BODY,
        **more,
    )
    known |= parameters_of(app)
    return app


@define(eq=False)
class Service:
    """Sends a request to the API, or to the dashboard's files."""

    api: ASGIApp
    web: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = scope["path"]
        ours = any(path == prefix or path.startswith(f"{prefix}/") for prefix in OURS)
        await (self.api if ours else self.web)(scope, receive, send)
