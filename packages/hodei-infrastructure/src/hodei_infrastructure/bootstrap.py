"""The one place where classes are chosen, with providers.py: settings in, a control plane out.

What takes long to import (psycopg, the use cases) is imported where it is needed, so that an embedded
Postgres starts meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, ClassVar, NoReturn

from attrs import evolve
from hodei_domain.kernel.errors import Kind, Unavailable

from hodei_infrastructure.docker.reaching import OpenDoor, no_door
from hodei_infrastructure.files import write_once
from hodei_infrastructure.journal import open_journal
from hodei_infrastructure.settings import Settings, from_environment
from hodei_infrastructure.stopping import Stop, stop_signals
from hodei_infrastructure.variables import SettingsError

if TYPE_CHECKING:
    from hodei_application.control_plane import ControlPlane, Outside, Policy
    from hodei_application.metrics.replica import Instruments
    from hodei_domain.jobs.job import Job

    from hodei_infrastructure.postgres.hints import Hints
    from hodei_infrastructure.postgres.store import PostgresStore

__all__ = [
    "REPLACED",
    "Settings",
    "SettingsError",
    "StartError",
    "Stop",
    "control_plane",
    "database",
    "database_address",
    "database_look",
    "from_environment",
    "local_token",
    "onlooker",
    "open_journal",
    "psql",
    "refuse_exposure",
    "stop_signals",
    "until_stopped",
    "upgrade_database",
]

log = logging.getLogger("hodei.server")

ANOTHER_LEAVES_WITHIN = 15.0  # seconds for a server that is stopping to let go of the embedded database
LOOK_AGAIN = 0.1
COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class StartError(Unavailable):
    """The server cannot start; the text says why and what to do."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    code: ClassVar[str] = "server.not-started"


@contextmanager
def _told() -> Iterator[None]:
    """What the system refuses, told like what our own parts refuse."""
    try:
        yield
    except OSError as refused:
        if refused.filename is None:
            raise
        raise StartError(f"{refused.filename}: {refused.strerror}") from refused


# --- the database ---


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Awaitable[str]]:
    """Start what is needed of a database; await what is given for its URL.

    The embedded Postgres starts in a thread while the caller goes on. It is stopped when the context is
    left. The awaitable raises a HodeiError.
    """
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_url_of(settings, stack), name="database")
        await asyncio.sleep(0)  # let it begin before the caller is busy
        try:
            yield starting
        finally:
            starting.cancel()
            with suppress(asyncio.CancelledError, Exception):  # told to whoever awaited it
                await starting


async def _url_of(settings: Settings, stack: AsyncExitStack) -> str:
    with _told():
        _make_data_dir(settings)
        if settings.database_url is not None:
            return settings.database_url
        return await _embedded(settings, stack)


async def _embedded(settings: Settings, stack: AsyncExitStack) -> str:
    from hodei_infrastructure.embedded.errors import ClusterInUse
    from hodei_infrastructure.embedded.server import embedded_server

    loop = asyncio.get_running_loop()
    deadline, said = loop.time() + ANOTHER_LEAVES_WITHIN, False
    while True:
        try:
            return await stack.enter_async_context(embedded_server(settings.data_dir))
        except ClusterInUse as used:
            if loop.time() > deadline:
                raise
            if not said:
                log.info("Waiting for another server to let go of %s", settings.data_dir)
                log.debug("%s", used)
                said = True
        await asyncio.sleep(LOOK_AGAIN)


def _make_data_dir(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


async def upgrade_database(settings: Settings) -> str:
    """Bring the schema up to date; give its revision. Raise a HodeiError."""
    import psycopg

    from hodei_infrastructure.migrations.upgrade import current, migrate
    from hodei_infrastructure.postgres.connections import wait_for_database

    with _told():
        async with database(settings) as starting:
            url = await starting
            await wait_for_database(url)
            await migrate(url)
            async with await psycopg.AsyncConnection.connect(url) as connection:
                return await current(connection) or ""


def database_address(settings: Settings) -> str:
    """How to connect to the database, without a password. Raise a HodeiError."""
    from hodei_infrastructure.asking import shown_address

    return shown_address(settings)


def database_look(settings: Settings) -> str:
    """What the database of the settings is, by connecting to it once. Raise a HodeiError."""
    from hodei_infrastructure.asking import address, shown_address
    from hodei_infrastructure.postgres.looking import look

    return f"{shown_address(settings)}: {look(address(settings))}"


def psql(settings: Settings, arguments: Sequence[str]) -> NoReturn:
    """Become psql, connected to the database. Raise a HodeiError."""
    from hodei_infrastructure.asking import psql

    psql(settings, arguments)


# --- who may call ---


def refuse_exposure(settings: Settings) -> None:
    """Raise StartError where anybody could call from elsewhere without being asked for a token."""
    if settings.dev_mode and not settings.loopback:
        raise StartError(
            f"HODEI_BIND: {settings.bind} can be reached from other machines, and in development mode nobody "
            "is asked for a token; set HODEI_DEV_MODE=0, or bind 127.0.0.1"
        )


def local_token(settings: Settings) -> str:
    """The secret that callers must bear, from the data directory; made if there is none. Raise a HodeiError.

    Who may read the file may run commands as this user, so it is refused if others may.
    """
    path = settings.data_dir / "token"
    with _told():
        _make_data_dir(settings)
        if not path.exists():
            write_once(path, secrets.token_urlsafe(32))
        if path.stat().st_mode & 0o077:
            raise StartError(f"{path}: others may read it; remove it, or `chmod 600` it if nobody did")
        token = path.read_text().strip()
    if not token:
        raise StartError(f"{path}: is empty; remove it, and a new token is made")
    return token


# --- the control plane ---


@asynccontextmanager
async def control_plane(
    settings: Settings, url: str, server_address: str, open_door: OpenDoor = no_door
) -> AsyncIterator[ControlPlane]:
    """A control plane that runs, on the database at `url`; agents are told to dial `server_address`,
    or what the settings advertise instead.

    `open_door` listens for agents that cannot reach that address.
    Waits for a database that is down. On leaving it stops in good order: workers and their jobs go on.
    Raise a HodeiError.
    """
    from hodei_application.control_plane import build

    from hodei_infrastructure.providers import Providers

    async with AsyncExitStack() as stack:
        with _told():
            outside, hints, store = await _outside(settings, url, stack)
            _make_data_dir(settings)
            providers = Providers(
                settings=settings,
                installation=_installation(settings),
                server_address=server_address,
                open_door=open_door,
            )
            stack.push_async_callback(providers.close)
            control = build(
                evolve(
                    outside,
                    plugins=providers.plugin,
                    trial=providers.trial,
                    server_address=settings.server_advertise or server_address,
                ),
                _policy(settings),
            )
            _connect_gauges(control.instruments, store, hints)
            await control.learn_time()
            await providers.register(control)
            await _start(control, settings, hints, stack)
        yield control


REPLACED = "the database is not the one that this server started on; start it again to use it as it is now"


async def until_stopped(stop: Stop, control: ControlPlane) -> None:
    """Return when the stop is asked for. Raise StartError when another database took the place of ours."""
    asked, replaced = (asyncio.create_task(each) for each in (stop.asked.wait(), control.until_replaced()))
    try:
        await asyncio.wait((asked, replaced), return_when=asyncio.FIRST_COMPLETED)
        if replaced.done():
            raise StartError(REPLACED)
    finally:
        asked.cancel()
        replaced.cancel()


@asynccontextmanager
async def onlooker(settings: Settings, url: str) -> AsyncIterator[ControlPlane]:
    """A control plane on the same database that answers and writes wishes, and leaves workers to others: any
    number may run beside those that have them.

    Waits for a database that is down. Raise a HodeiError.
    """
    from hodei_application.control_plane import build

    async with AsyncExitStack() as stack:
        with _told():
            outside, hints, store = await _outside(settings, url, stack)
            control = build(outside, evolve(_policy(settings), serves_workers=False, provisioning=False))
            _connect_gauges(control.instruments, store, hints)
            await _start(control, settings, hints, stack)
        yield control


async def _outside(
    settings: Settings, url: str, stack: AsyncExitStack
) -> tuple[Outside, Hints, PostgresStore]:
    """What every control plane needs of this process, without workers."""
    from hodei_application.control_plane import Outside

    from hodei_infrastructure import system
    from hodei_infrastructure.postgres.hints import Hints
    from hodei_infrastructure.postgres.store import open_store
    from hodei_infrastructure.providers import only_checked
    from hodei_infrastructure.replica import has_died, replica_name

    store = await stack.enter_async_context(
        open_store(
            url,
            connections=settings.db_max_connections,
            timeout=settings.db_connection_timeout,
            lease=settings.lease,
        )
    )
    direct = settings.database_direct_url
    if store.pooled and direct is None:
        log.info(
            "The database is behind a pool of connections: other servers are asked every 2 s; "
            "HODEI_DATABASE_DIRECT_URL names a way past it on which they are heard at once"
        )
    hints = Hints(direct or url, store.notify, deaf=store.pooled and direct is None)
    outside = Outside(
        begin=store.begin,
        now=system.now,
        new_id=system.new_id,
        secrets=system.secret_bytes,
        plugins=only_checked,
        server_address="",
        hint=hints.tell,
        is_alone=hints.is_alone,
        # Of an embedded database there is one server, which its lock sees to.
        replica=replica_name() if settings.database_url is not None else "the only one",
        has_died=has_died,
        dev_mode=settings.dev_mode,
        hears=_traces(stack),
        store_version=store.version,
        replicas=hints.replicas,
    )
    return outside, hints, store


async def _start(control: ControlPlane, settings: Settings, hints: Hints, stack: AsyncExitStack) -> None:
    if settings.database_url is not None:  # the embedded database has no second server to hint at
        await stack.enter_async_context(hints.listening(control.hinted))
    await control.start()
    stack.push_async_callback(_stop, control)


def _traces(stack: AsyncExitStack) -> tuple[Callable[[Job], None], ...]:
    """Traces of jobs, where the environment names a collector. Else nothing of OpenTelemetry is imported."""
    if not any(os.environ.get(name) for name in COLLECTORS):
        return ()
    try:
        from hodei_infrastructure.otel.traces import JobTraces
    except ImportError as missing:
        log.warning("No traces, although %s is set: %s; install hodei-grpc[otel]", COLLECTORS[0], missing)
        return ()
    traces = JobTraces.from_environment()
    stack.push_async_callback(asyncio.to_thread, traces.close)
    log.info("Traces of jobs go to the collector that %s names", COLLECTORS[0])
    return (traces,)


def _connect_gauges(instruments: Instruments, store: PostgresStore, hints: Hints) -> None:
    """What only the adapters can tell of this replica."""
    instruments.database_connections.read = store.connections
    instruments.database_waiting.read = store.waiting
    instruments.notify_seconds.read = hints.round_trip


async def _stop(control: ControlPlane) -> None:
    if control.is_live():  # else whoever used it has stopped it
        await control.stop()


def _policy(settings: Settings) -> Policy:
    from hodei_application.control_plane import Policy
    from hodei_application.jobs.forget_history import Bounds
    from hodei_application.scheduling.retention import Terms
    from hodei_domain.scheduling.config import SchedulerConfig

    return Policy(
        lease=settings.lease,
        retention=Terms(
            audit=settings.audit_retention,
            logs=settings.log_retention,
            log_bytes=settings.log_retention_size,
            history=Bounds(age=settings.history_retention, jobs=settings.history_max_jobs),
        ),
        metrics_retention=settings.metrics_retention,
        usage_retention=settings.usage_retention,
        provisioning=settings.provisioning_enabled,
        scheduler=SchedulerConfig(
            min_idle=settings.worker_min_idle,
            idle_ttl=settings.worker_idle_ttl,
            max_lifetime=settings.worker_max_lifetime,
            max_jobs=settings.worker_max_jobs or 0,
        ),
    )


def _installation(settings: Settings) -> str:
    """Tells this data directory from that of another machine on the same database."""
    path = settings.data_dir / "installation"
    if not path.exists():
        write_once(path, secrets.token_hex(16))
    return path.read_text().strip()
