"""The program `hodei-worker`."""

from __future__ import annotations

import os
import sys

# Before gRPC is imported: its fork handlers would make every start of a job slower, and complain on stderr.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import asyncio
import logging
import signal
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from hodei_worker.agent import Agent
from hodei_worker.attempt import Host
from hodei_worker.connection import Connection, LostTouch, Refused
from hodei_worker.container import Container
from hodei_worker.convert import registration
from hodei_worker.environment import base_environment, image_directory, image_environment
from hodei_worker.inherited import keep_signals_from_jobs
from hodei_worker.journal import Shelf
from hodei_worker.limits import Limiter
from hodei_worker.log_pump import Pace
from hodei_worker.machine import look_at_machine
from hodei_worker.outbox import Outbox
from hodei_worker.reaper import Reaper
from hodei_worker.scratch import Scratch
from hodei_worker.settings import Settings, SettingsError, read_settings
from hodei_worker.version import VERSION

log = logging.getLogger("hodei.worker")

OK, USAGE, UNAVAILABLE, REFUSED = 0, 64, 69, 77  # sysexits.h
DELIVER_SECONDS = 10.0  # for the last results, when leaving

HELP = """\
hodei-worker: register with a Hodei server and run its jobs.

It takes everything from its environment:
  HODEI_OTP_TOKEN or HODEI_OTP_FILE   one-time password to register with (the file is removed)
  HODEI_SERVER                        http://host:port or host:port, several with commas (localhost:50051)
  HODEI_WORKER_ID                     who it is, if that is settled before
  HODEI_WORKER_NAME                   what people call it
  HODEI_WORKER_DIR                    where jobs' private directories go
  HODEI_SPOOL_DIR                     where output goes that waits for the server (within HODEI_WORKER_DIR)
  HODEI_SPOOL_SIZE                    output that may wait on disk for the server, all in all (64MiB)
  HODEI_WORKER_IN_IMAGE               1: jobs get the environment, directory and limits of the image around it
  HODEI_LOG_BATCH_SIZE                lines of output after which they are sent (100)
  HODEI_LOG_FLUSH_INTERVAL            milliseconds after which they are sent (100)
  HODEI_DRAIN_TIMEOUT                 seconds a job may go on after the first SIGTERM (20)
  HODEI_LOG_LEVEL                     debug, info, warn or error (info)

The first SIGTERM or SIGINT lets the running job finish, the second ends it, the third kills it.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the agent; exits with a code of sysexits.h."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given:
        _answer(given)
    try:
        settings = read_settings()
    except SettingsError as e:
        for problem in e.problems:
            print(f"hodei-worker: {problem}", file=sys.stderr)
        sys.exit(USAGE)
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    keep_signals_from_jobs()
    code = asyncio.run(run(settings))
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # gRPC takes 20 ms to tear itself down; nothing is left that it could spoil


def _answer(given: list[str]) -> None:
    if given in (["--version"], ["-V"]):
        print(f"hodei-worker {VERSION}")
        sys.exit(OK)
    print(HELP, file=sys.stdout if given in (["--help"], ["-h"]) else sys.stderr)
    sys.exit(OK if given in (["--help"], ["-h"]) else USAGE)


async def run(settings: Settings) -> int:
    """Serve until told to leave; return the exit code."""
    started_at = datetime.now(UTC)
    reaper = Reaper()
    reaper.install(asyncio.get_running_loop())
    scratch = Scratch(settings.directory)
    scratch.sweep()
    if trouble := scratch.trouble():
        log.warning(
            "%s: scripts cannot be run, and output that the server has not taken does not wait on disk. Set "
            "HODEI_WORKER_DIR to a directory of this account's own",
            trouble,
        )
    spooled = scratch if settings.spool_directory is None else Scratch(settings.spool_directory)
    spooled.sweep()
    shelf = Shelf(spooled, settings.spool_bytes)
    limiter = Limiter.discover(Container.discover() if settings.in_image else None)
    machine = look_at_machine(settings.directory)

    def make_agent(worker_id: str, outbox: Outbox) -> Agent:
        host = Host(
            worker_id=worker_id,
            reaper=reaper,
            scratch=scratch,
            limiter=limiter,
            base_environment=image_environment() if settings.in_image else base_environment(),
            pace=Pace(lines=settings.batch_lines, seconds=settings.flush_seconds),
            working_dir=image_directory() if settings.in_image else "",
            in_image=settings.in_image,
            entrypoint=settings.image_entrypoint,
            disk=settings.disk,
            shelf=shelf,
        )
        return Agent(host, outbox)

    connection = Connection(
        settings.server,
        lambda session_id: registration(
            settings,
            machine,
            version=VERSION,
            limits=limiter.label,
            session_id=session_id,
            started_at=started_at,
        ),
        make_agent,
    )
    try:
        return await serve(connection, Leaving(connection, settings.drain_seconds))
    finally:
        kept = connection.close()
        if connection.agent.done():  # however we came here, no job runs on without us
            await connection.agent.result().abandon("the agent ends")
        spooled.close(keep_spool=kept)
        scratch.close(keep_spool=kept)
        reaper.close()


class Leaving:
    """What signals mean.

    The first lets the job finish, the second ends it, every further one kills it. When nothing runs, every
    further one ends the wait for the server's last word.
    """

    def __init__(self, connection: Connection, drain_seconds: float) -> None:
        self._connection = connection
        self._drain_seconds = drain_seconds
        self._signals = 0
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number.name)

    def _signalled(self, name: str) -> None:
        self._signals += 1
        self.asked.set()
        if not self._connection.agent.done():
            return
        agent = self._connection.agent.result()
        if self._signals > (2 if agent.busy else 1):
            self.hurry.set()
        agent.drain(self._drain_seconds, f"got {name}")
        if self._signals > 1:
            agent.hand_back(f"got {name} again", 0.0 if self._signals > 2 else None)

    async def wait(self) -> None:
        """Wait until we are to leave and nothing runs any more."""
        agent = self._connection.agent
        asked = asyncio.ensure_future(self.asked.wait())
        await asyncio.wait((asked, agent), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if agent.done():
            await agent.result().drained.wait()


async def serve(connection: Connection, leaving: Leaving) -> int:
    """Keep connected until we are to leave; return the exit code."""
    keeping = asyncio.create_task(connection.keep())
    left = asyncio.create_task(leaving.wait())
    try:
        await asyncio.wait((keeping, left), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            await _first(connection.leave("drained", DELIVER_SECONDS), leaving.hurry.wait())
            log.info("Left")
            return OK
        await keeping
    except Refused as e:
        log.error("The server refused this worker: %s", e)
        return REFUSED
    except LostTouch as e:
        log.error("Giving up: %s", e)
        return UNAVAILABLE
    finally:
        for task in (keeping, left):
            task.cancel()
        await asyncio.gather(keeping, left, return_exceptions=True)
    return OK


async def _first(*works: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    main()
