"""The gRPC server: a port first, services when there is a control plane, a graceful end."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import grpc
import grpc.aio
from attrs import define, field, frozen
from hodei_application.control_plane import ControlPlane
from hodei_domain.kernel.addresses import join
from hodei_domain.kernel.errors import PortInUse

from hodei_grpc import methods
from hodei_grpc.doors import Doors
from hodei_grpc.guard import Guard, Guarded, RateLimit
from hodei_grpc.introspection import Health, add_health, add_reflection
from hodei_grpc.options import SERVER_OPTIONS
from hodei_grpc.rpc import handlers, service_name
from hodei_grpc.services.agents import WorkerAgents
from hodei_grpc.services.audit import Audit
from hodei_grpc.services.jobs import JobExecution
from hodei_grpc.services.logs import LogStream
from hodei_grpc.services.metrics import Metrics
from hodei_grpc.services.provider_listing import ProviderListing
from hodei_grpc.services.providers import Providers
from hodei_grpc.services.scheduler import Scheduler
from hodei_grpc.services.workers import Workers


@frozen(kw_only=True)
class Limits:
    """How much one server takes. `token` None admits callers without one."""

    token: str | None
    rate: float = 5000.0  # calls a second of one peer
    max_streams: int = 10_000


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


@define(eq=False)
class Server:
    """A bound port that begins to answer with start()."""

    host: str
    port: int
    doors: Doors
    _server: grpc.aio.Server
    _health: Health
    _guard: Guard | None = field(default=None, init=False)
    _names: list[str] = field(factory=list, init=False)

    @classmethod
    def bind(cls, host: str, port: int) -> "Server":
        """Take the port; 0 takes a free one. Raise PortInUse. Must be called in the running event loop."""
        server = grpc.aio.server(options=SERVER_OPTIONS)
        try:
            bound = server.add_insecure_port(join(host, port))
        except RuntimeError:
            bound = 0
        if bound == 0:
            raise PortInUse(
                f"cannot listen on {join(host, port)}: another program does, or the address is not ours; "
                "choose another port with GRPC_PORT or --port, another address with HODEI_BIND or --bind"
            )
        return cls(host, bound, Doors(host, bound), server, add_health(server))

    @property
    def address(self) -> str:
        """Where it can be reached."""
        return join(self.host, self.port)

    def serve(self, control: ControlPlane, limits: Limits, clock: Callable[[], datetime] = now) -> None:
        """Offer all services of the contract, guarded."""
        self._guard = guard = Guard(limits.token, RateLimit(limits.rate), limits.max_streams)
        providers = Providers(control)
        offered: list[tuple[type[object], object]] = [
            (methods.WorkerAgentService, WorkerAgents(control, clock, guard.bears_token)),
            (methods.JobExecutionService, JobExecution(control, clock)),
            (methods.LogStreamService, LogStream(control)),
            (methods.SchedulerService, Scheduler(control, clock)),
            (methods.ProviderManagementService, ProviderListing(control, providers)),
            (methods.ProvidersProviderManagementService, providers),
            (methods.WorkerService, Workers(control)),
            (methods.AuditService, Audit(control)),
            (methods.MetricsService, Metrics(control)),
        ]
        for service, servicer in offered:
            self._server.add_generic_rpc_handlers((Guarded(handlers(service, servicer), guard),))
            self._names.append(service_name(service))
        add_reflection(self._server, self._names)
        self.doors.serve(control, guard, clock)

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services that are offered."""
        return tuple(self._names)

    async def start(self) -> None:
        """Answer calls from now on."""
        await self._server.start()
        await self._health.serve(self._names)

    async def refuse_new_jobs(self) -> None:
        """Send away who brings a new job; return when those that are just being brought are in the queue."""
        if self._guard is not None:
            await self._guard.leave()

    def take_new_jobs(self) -> None:
        """Take new jobs again."""
        if self._guard is not None:
            self._guard.leaving = False

    async def stop(self, grace: float) -> None:
        """Take no new calls, let those under way end within `grace` seconds, break off the rest."""
        await self._health.stop()
        await asyncio.gather(self.doors.stop(grace), self._server.stop(grace))
