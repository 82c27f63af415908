"""The program hodei-rest: REST and the dashboard beside any number of servers on the same database; and the
same beside gRPC in one process.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from hodei_domain.kernel.errors import HodeiError
from hodei_infrastructure import bootstrap

if TYPE_CHECKING:  # importing it takes long, so it is done while the database is waited for
    from hodei_rest.service import RestService

log = logging.getLogger("hodei.rest")

EXIT_OK, EXIT_USAGE, EXIT_UNAVAILABLE = 0, 64, 69


def companion(settings: bootstrap.Settings) -> RestService:
    """The service for a control plane of this process; its port is taken now. Raise a HodeiError."""
    from hodei_rest.service import Limits, RestService

    return RestService.bind(
        settings.bind,
        settings.rest_port,
        Limits(
            token=None if settings.dev_mode else bootstrap.local_token(settings),
            rate=settings.rate_limit,
            max_streams=settings.max_streams,
            only_loopback=settings.dev_mode,
            cors_origins=settings.cors_origins,
        ),
    )


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="hodei-rest", description="REST and dashboard of Hodei, beside servers on the same database."
    )
    parser.add_argument(
        "--port", help="port to listen on; 0 takes a free one (default: HODEI_REST_PORT or 3000)"
    )
    parser.add_argument("--bind", help="address to listen on (default: HODEI_BIND or 127.0.0.1)")
    parser.add_argument("--ready-fd", type=int, help='write {"rest":…,"pid":…} there when it serves')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP.

    Returns the exit code: 64 for wrong settings, 69 if something is not there.
    """
    options = arguments(argv)
    given = {"HODEI_REST_PORT": options.port, "HODEI_BIND": options.bind}
    try:
        environ = os.environ | {name: value for name, value in given.items() if value is not None}
        settings = bootstrap.from_environment(environ)
    except bootstrap.SettingsError as wrong:
        print(f"hodei-rest: {wrong}", file=sys.stderr)
        return EXIT_USAGE
    if settings.database_url is None:
        print(
            "hodei-rest: HODEI_DATABASE_URL: is not set; it names the database of the servers that this one "
            "serves beside. `hodei up` serves REST and the dashboard by itself",
            file=sys.stderr,
        )
        return EXIT_USAGE
    bootstrap.open_journal(settings.log_level, settings.log_format)
    import uvloop

    try:
        return uvloop.run(_serve(settings, settings.database_url, options.ready_fd))
    except HodeiError as refused:
        log.error("%s", refused.message)
        return EXIT_UNAVAILABLE
    except KeyboardInterrupt:  # a second one, while it was stopping
        return 128 + signal.SIGINT


async def _serve(settings: bootstrap.Settings, url: str, ready: int | None) -> int:
    async with bootstrap.stop_signals() as stop:
        await _live(settings, url, ready, stop)
    log.info("Stopped")
    return EXIT_OK


async def _live(settings: bootstrap.Settings, url: str, ready: int | None, stop: bootstrap.Stop) -> None:
    bootstrap.refuse_exposure(settings)
    service = companion(settings)
    try:
        async with bootstrap.onlooker(settings, url) as control, service.serving(control) as told:
            stop.starting = None  # from here on a signal ends what runs in good order
            _tell_ready(ready, told)
            await bootstrap.until_stopped(stop, control)
    finally:
        service.close()


def _tell_ready(descriptor: int | None, told: Mapping[str, str]) -> None:
    """Write one line of JSON to whoever started the server, and close the descriptor."""
    if descriptor is None:
        return
    with suppress(BrokenPipeError), open(descriptor, "w") as pipe:
        pipe.write(json.dumps({"pid": os.getpid(), **told}) + "\n")


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
