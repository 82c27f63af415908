"""The program hodei-server: one control plane over gRPC."""

from __future__ import annotations

import os

# Before gRPC is imported: its fork handlers would run for each agent that is started.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen
from hodei_domain.kernel.errors import HodeiError
from hodei_infrastructure import bootstrap

from hodei_grpc.announcing import Announcement, announced, banner, tell_ready

if TYPE_CHECKING:  # importing these takes longer than starting Postgres, so it is done meanwhile
    from hodei_application.control_plane import ControlPlane

    from hodei_grpc.companions import Companion, MakeCompanion
    from hodei_grpc.server import Server

log = logging.getLogger("hodei.server")

EXIT_OK, EXIT_USAGE, EXIT_UNAVAILABLE = 0, 64, 69
CALLS_END_WITHIN = 1.0  # seconds; a call is over in milliseconds, and who follows a log would follow for ever
WORKER_GRACE = timedelta(seconds=2)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="hodei-server", description="Hodei control plane over gRPC.")
    parser.add_argument("--port", help="port to listen on; 0 takes a free one (default: GRPC_PORT or 50051)")
    parser.add_argument(
        "--rest-port",
        help="port of what serves beside; 0 takes a free one (default: HODEI_REST_PORT or 3000)",
    )
    parser.add_argument("--bind", help="address to listen on (default: HODEI_BIND or 127.0.0.1)")
    parser.add_argument("--ready-fd", type=int, help='write {"port":…,"pid":…} there when it serves')
    parser.add_argument("--no-banner", action="store_true", help="print nothing on standard output")
    parser.add_argument("--ephemeral", action="store_true", help="take all workers along when it stops")
    parser.add_argument(
        "--only-server", action="store_true", help="take idle workers along: no other server has its database"
    )
    parser.add_argument("--owner-fd", type=int, help="stop when this closes and no job is left")
    parser.add_argument("--upgrade-db", action="store_true", help="bring the database up to date, and exit")
    parser.add_argument("--db-url", action="store_true", help="print the address of the database, and exit")
    parser.add_argument("--psql", nargs=argparse.REMAINDER, help="be psql, connected to the database")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, companions: Sequence[MakeCompanion] = ()) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP, with these companions beside gRPC.

    Returns the exit code: 64 for wrong settings, 69 if something is not there.
    """
    options = arguments(argv)
    given = {
        "GRPC_PORT": options.port,
        "HODEI_BIND": options.bind,
        "HODEI_REST_PORT": options.rest_port,
    }
    try:
        environ = os.environ | {name: value for name, value in given.items() if value is not None}
        settings = bootstrap.from_environment(environ)
    except bootstrap.SettingsError as wrong:
        print(f"hodei-server: {wrong}", file=sys.stderr)
        return EXIT_USAGE
    bootstrap.open_journal(settings.log_level, settings.log_format)
    import uvloop

    try:
        if options.db_url:
            print(bootstrap.database_address(settings))
            return EXIT_OK
        if options.psql is not None:
            bootstrap.psql(settings, options.psql)
        return uvloop.run(_upgrade(settings) if options.upgrade_db else _serve(settings, options, companions))
    except HodeiError as refused:
        log.error("%s", refused.message)
        return EXIT_UNAVAILABLE
    except KeyboardInterrupt:  # a second one, while it was stopping
        return 128 + signal.SIGINT


BadSettings = bootstrap.SettingsError


def look_at_database(environ: Mapping[str, str]) -> str:
    """What the database that the environment names is. Raise a HodeiError, BadSettings."""
    return bootstrap.database_look(bootstrap.from_environment(environ))


async def _upgrade(settings: bootstrap.Settings) -> int:
    revision = await bootstrap.upgrade_database(settings)
    print(f"database is at {revision}")
    return EXIT_OK


async def _serve(
    settings: bootstrap.Settings, options: argparse.Namespace, companions: Sequence[MakeCompanion]
) -> int:
    async with bootstrap.stop_signals() as stop:
        await _live(settings, options, stop, companions)
    log.info("Stopped")
    return EXIT_OK


async def _live(
    settings: bootstrap.Settings,
    options: argparse.Namespace,
    stop: bootstrap.Stop,
    companions: Sequence[MakeCompanion],
) -> None:
    bootstrap.refuse_exposure(settings)
    async with bootstrap.database(settings) as database, AsyncExitStack() as ports:
        from hodei_grpc.server import Limits, Server

        server = Server.bind(settings.bind, settings.grpc_port)
        ports.push_async_callback(server.stop, 0)
        if not options.ephemeral:  # a private server is nobody's to watch
            companions = [*companions, _metrics]
        beside = [_with_port(make, settings, ports) for make in companions]
        limits = Limits(
            token=None if settings.dev_mode else bootstrap.local_token(settings),
            rate=settings.rate_limit,
            max_streams=settings.max_streams,
        )
        running = bootstrap.control_plane(settings, await database, server.address, server.doors.open)
        async with running as control:
            server.serve(control, limits)
            await server.start()
            async with AsyncExitStack() as serving:
                told: dict[str, str] = {}
                for each in beside:
                    told |= await serving.enter_async_context(each.serving(control))
                stop.starting = None  # from here on a signal ends what runs in good order
                await _until_told(settings, options, stop, server, control, told)
            if options.ephemeral or options.only_server or settings.database_url is None:
                # There is no other server, whose workers they could be.
                await control.destroy_workers(WORKER_GRACE, busy=options.ephemeral)
            refusing = asyncio.create_task(server.stop(CALLS_END_WITHIN))
            await control.stop()  # ends the streams of workers, for which the server would wait
            await refusing


def _metrics(settings: bootstrap.Settings) -> Companion:
    from hodei_grpc.metrics_endpoint import MetricsEndpoint

    return MetricsEndpoint.bind(settings.metrics_bind, settings.metrics_port)


def _with_port(make: MakeCompanion, settings: bootstrap.Settings, ports: AsyncExitStack) -> Companion:
    companion = make(settings)
    ports.callback(companion.close)
    return companion


async def _until_told(
    settings: bootstrap.Settings,
    options: argparse.Namespace,
    stop: bootstrap.Stop,
    server: Server,
    control: ControlPlane,
    told: Mapping[str, str],
) -> None:
    """Be found by those who look for a server, until it is time to stop."""
    views = [view.provider for view in await control.list_providers()]
    providers = {provider.name: provider.out_of_use for provider in views}
    with announced(settings.data_dir, server.address, told) as announcement:
        tell_ready(options.ready_fd, server.port, providers, told)
        _greet(server, settings, options, providers)
        await _until_stop(stop, options, control, Curtain(server, announcement))


def _greet(
    server: Server, settings: bootstrap.Settings, options: argparse.Namespace, providers: Mapping[str, str]
) -> None:
    if options.ephemeral or options.no_banner:
        log.info("Serving on %s", server.address)
        return
    notes = [f"{name.capitalize()} provider {why or 'initialized'}" for name, why in providers.items()]
    if settings.dev_mode:
        notes.append("Development mode: no token is needed, and workers with dev-* tokens are let in")
    banner(server.address, server.services, notes)


@frozen
class Curtain:
    """Takes a server that is about to leave out of sight, or shows it again."""

    server: Server
    announcement: Announcement

    async def hide(self) -> None:
        """Be found by nobody any more, and refuse new jobs of those who have found us."""
        self.announcement.withdraw()
        await self.server.refuse_new_jobs()

    def show(self) -> None:
        """Be there again."""
        self.server.take_new_jobs()
        self.announcement.make()


async def _until_stop(
    stop: bootstrap.Stop, options: argparse.Namespace, control: ControlPlane, curtain: Curtain
) -> None:
    from hodei_grpc.owner import until_forsaken

    replaced = asyncio.create_task(control.until_replaced())
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.asked.wait()), replaced]
    if options.owner_fd is not None:
        waits.append(asyncio.create_task(until_forsaken(options.owner_fd, control, curtain)))
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    if replaced in done:
        raise bootstrap.StartError(bootstrap.REPLACED)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
