"""The process provider: each worker is an agent process of this machine."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakValueDictionary

from attrs import define, field
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderUnavailable
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import FoundWorker, Health, LeftEnd, Presence, Usage, WorkerSighting
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.machine import Machine
from hodei_infrastructure.process import convert, journals, proc, spools
from hodei_infrastructure.process.errors import translated
from hodei_infrastructure.process.exits import Exits
from hodei_infrastructure.process.killing import TreeSurvived, kill_tree, members, send
from hodei_infrastructure.process.markers import Marker, MarkerFiles
from hodei_infrastructure.process.spawning import Launch, agent_command, spawn

NAME = "process"
IDLE_LEAVES_WITHIN = 0.3  # seconds in which an agent without a job is gone after TERM
REAP_WITHIN = 5.0  # seconds for the kernel to give up a killed process
ROOM_NEEDED_MIB = 64  # below this an agent could not keep its spool

log = logging.getLogger("hodei.process")


@define(eq=False)
class ProcessProvider:
    """Serves all the ports of a provider.

    Everything about a worker lies in one private directory: its marker, its one-time password until it is
    used, what the agent prints, and its scratch directory. A server that was restarted finds its agents
    there.
    """

    _directory: Path
    _machine: Machine
    _now: Callable[[], datetime]
    _command: Sequence[str] = field(factory=agent_command)
    _files: MarkerFiles = field(init=False)
    _exits: Exits = field(init=False)
    _sightings: asyncio.Queue[WorkerSighting] = field(factory=asyncio.Queue, init=False)
    _locks: WeakValueDictionary[WorkerId, asyncio.Lock] = field(factory=WeakValueDictionary, init=False)

    def __attrs_post_init__(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        self._files = MarkerFiles(self._directory)
        self._exits = Exits(self._note_end)

    @property
    def name(self) -> str:
        """Always the same: there is one of these per machine."""
        return NAME

    @property
    def type(self) -> ProviderType:
        """Processes of a machine, without anything between."""
        return ProviderType.BARE_METAL

    @property
    def capabilities(self) -> Capabilities:
        """What this machine has, measured when the server started."""
        return convert.to_capabilities(self._machine)

    async def close(self) -> None:
        """Stop watching. The agents go on, and the next server finds them."""
        await self._exits.close()

    # --- WorkerLifecycle ---

    async def create_worker(self, spec: WorkerSpec, otp: str) -> None:
        """Start an agent, unless this worker has one or had one."""
        async with self._lock(spec.worker_id):
            marker = await asyncio.to_thread(self._create, spec, otp)
            if marker.exit_code is None:  # of a known end nothing is left to be heard but that it is over
                self._exits.watch(marker)

    def _create(self, spec: WorkerSpec, otp: str) -> Marker:
        known = self._read(spec.worker_id)
        if known is not None and known.pid is not None:
            return known
        marker = Marker(
            worker_id=spec.worker_id,
            created_at=self._now(),
            expires_at=spec.expires_at,
            database=spec.database,
        )
        try:
            self._files.write(marker)  # the intent comes first: no agent without a marker, whenever we die
            pid = spawn(self._launch(spec, otp))
            entry = proc.look_at(pid)
            assert entry is not None, "a child that nobody reaped has an entry"
            marker = marker.started(entry)
            self._files.write(marker)
        except OSError as error:
            self._remove(spec.worker_id)
            raise translated(error, "the agent cannot be started") from error
        log.info("Agent started", extra={"worker": marker.worker_id, "pid": pid})
        return marker

    def _launch(self, spec: WorkerSpec, otp: str) -> Launch:
        scratch = self._files.path(spec.worker_id, "")
        scratch.mkdir(mode=0o700, exist_ok=True)
        secret = self._files.path(spec.worker_id, ".otp")
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(otp)
        environment = convert.agent_environment(spec, otp=secret, directory=scratch)
        journal = self._files.path(spec.worker_id, ".log")
        return Launch(command=self._command, environment=environment, directory=scratch, log=journal)

    async def worker_status(self, id: WorkerId) -> Presence:
        """By the marker and the process table."""
        return await asyncio.to_thread(lambda: convert.to_presence(self._read(id)))

    async def destroy_worker(self, id: WorkerId, grace: timedelta) -> None:
        """TERM to the agent, which stops its job; after the grace KILL to all of it."""
        async with self._lock(id):
            marker = await asyncio.to_thread(self._read, id)
            if marker is not None:
                await self._end(marker, grace)
                await asyncio.to_thread(self._remove, id)
                log.info("Agent destroyed", extra={"worker": id})

    async def _end(self, marker: Marker, grace: timedelta) -> None:
        mark = convert.mark_of(marker.worker_id)
        roots = {marker.pid: marker.start} if marker.pid is not None and marker.start is not None else {}
        # Taken while the agent lives: when it is gone, its children are nobody's.
        tree = await asyncio.to_thread(members, roots, mark)
        agent = marker.find()
        if agent is not None and not agent.ended:
            self._exits.watch(marker)
            await self._ask(agent.pid, marker.worker_id, grace.total_seconds())
        try:
            await kill_tree({**tree, **roots}, mark)
        except TreeSurvived as stuck:
            raise ProviderUnavailable(str(stuck)) from stuck
        await self._exits.gone(marker.worker_id, REAP_WITHIN)

    async def _ask(self, pid: int, id: WorkerId, grace: float) -> None:
        """TERM lets an agent finish its job, a second one tells it to end the job: nobody waits for it."""
        send(pid, signal.SIGTERM)
        if not await self._exits.gone(id, min(grace, IDLE_LEAVES_WITHIN)):
            send(pid, signal.SIGTERM)
            await self._exits.gone(id, grace - IDLE_LEAVES_WITHIN)

    def _remove(self, id: WorkerId) -> None:
        self._files.path(id, ".otp").unlink(missing_ok=True)
        shutil.rmtree(self._files.path(id, ""), ignore_errors=True)
        journals.retire(self._files.path(id, ".log"))
        self._files.remove(id)

    # --- WorkerInventory, WorkerEventSource ---

    async def list_workers(self) -> list[FoundWorker]:
        """By the markers. What an agent prints is cut to size on this occasion."""
        return await asyncio.to_thread(self._list)

    def _list(self) -> list[FoundWorker]:
        found = []
        for each in self._files.all():
            marker = self._read(each.worker_id)
            if marker is not None:
                journals.trim(self._files.path(marker.worker_id, ".log"))
                found.append(convert.to_found(marker))
        return found

    async def events(self) -> AsyncIterator[WorkerSighting]:
        """The ends of agents, those included that ended while no server ran."""
        for marker in await asyncio.to_thread(lambda: list(self._files.all())):
            if marker.exit_code is None:
                self._exits.watch(marker)
        while True:
            yield await self._sightings.get()

    def _note_end(self, marker: Marker, exit_code: int | None) -> None:
        ended = marker.ended(exit_code)
        if self._files.read(marker.worker_id) is not None:
            self._files.write(ended)
        presence = convert.to_presence(ended)
        log.info("Agent ended", extra={"worker": marker.worker_id, "why": presence.reason})
        self._sightings.put_nowait(
            WorkerSighting(
                worker_id=marker.worker_id, presence=presence, message=presence.reason, at=self._now()
            )
        )

    # --- the small ports ---

    async def check_health(self) -> Health:
        """Whether an agent could be started and would have room to work."""
        return await asyncio.to_thread(self._check)

    def _check(self) -> Health:
        details = {
            "directory": str(self._directory),
            "cpu_cores": f"{self._machine.cpu_cores:g}",
            "memory_mib": str(self._machine.memory_mib),
        }
        try:
            free_mib = shutil.disk_usage(self._directory).free // 2**20
        except OSError as error:
            return Health(healthy=False, message=f"{self._directory}: {error.strerror}", details=details)
        details["free_disk_mib"] = str(free_mib)
        if free_mib < ROOM_NEEDED_MIB:
            return Health(healthy=False, message=f"only {free_mib} MiB of disk are free", details=details)
        if find_spec("hodei_worker") is None:
            return Health(healthy=False, message="the package hodei-worker is not installed", details=details)
        return Health(healthy=True, message="agents can be started", details=details)

    def why_not(self, demand: DemandClass) -> str | None:
        """Images and GPUs are for other providers."""
        return convert.why_not(demand)

    def estimate_cost(self, demand: DemandClass) -> float:
        """Nothing: the machine is there already."""
        return 0.0

    def startup_time(self, demand: DemandClass) -> timedelta:
        """From the wish to an agent that is ready."""
        return convert.STARTUP

    async def worker_logs(self, id: WorkerId, tail: int) -> list[str]:
        """What the agent printed, also for a while after it was destroyed."""
        return await asyncio.to_thread(journals.tail, self._files.path(id, ".log"), tail)

    async def left_behind(self, id: WorkerId) -> AsyncIterator[LogChunk | LeftEnd]:
        """What the agent had on disk when it died, file by file."""
        files = spools.read(self._files.path(id, ""))
        while (found := await asyncio.to_thread(next, files, None)) is not None:
            for each in found:
                yield each

    async def usage(self, id: WorkerId) -> Usage | None:
        """Processor time is an average over the life of the processes that run now."""
        return await asyncio.to_thread(self._measure, id)

    def _measure(self, id: WorkerId) -> Usage | None:
        marker = self._read(id)
        if marker is None or marker.pid is None or marker.find() is None:
            return None
        table = proc.running()
        tree = proc.family(table, {marker.pid: marker.start or 0})
        seconds = max((self._now() - marker.created_at).total_seconds(), 0.001)
        return Usage(
            cpu_cores=sum(table[pid].cpu_seconds for pid in tree) / seconds,
            memory_bytes=sum(table[pid].memory_bytes for pid in tree),
        )

    # --- common ---

    def _read(self, id: WorkerId) -> Marker | None:
        """The marker, completed with its agent if a server died between intent and deed."""
        marker = self._files.read(id)
        if marker is None or marker.pid is not None:
            return marker
        secret = f"HODEI_OTP_FILE={self._files.path(id, '.otp')}".encode()
        for pid, entry in proc.running().items():
            if entry.session == pid and proc.carries(pid, secret):
                marker = marker.started(entry)
                self._files.write(marker)
        return marker

    def _lock(self, id: WorkerId) -> asyncio.Lock:
        return self._locks.setdefault(id, asyncio.Lock())

    def plugin(self, name: str = NAME) -> ProviderPlugin:
        """All ports, as the application takes them; `name` is the one in the provider's row."""
        return ProviderPlugin(
            name=name,
            type=self.type,
            capabilities=self.capabilities,
            lifecycle=self,
            inventory=self,
            eligibility=self,
            health=self,
            logs=self,
            cost=self,
            metrics=self,
            events=self,
            spool=self,
        )
