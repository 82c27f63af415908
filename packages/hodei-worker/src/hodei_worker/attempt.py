"""Run one attempt of a job, from the order to its outcome."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from hodei_worker import tree
from hodei_worker.clocks import Clocks
from hodei_worker.confinement import Confinement, Launch, Used, has_shell
from hodei_worker.container import first_to_go
from hodei_worker.environment import job_environment
from hodei_worker.journal import Shelf
from hodei_worker.limits import Limiter
from hodei_worker.live_input import LOST, LOST_TEXT, Acknowledge, LiveInput
from hodei_worker.log_pump import LogPump, Pace
from hodei_worker.order import Order, Outcome, Shell
from hodei_worker.plain_line import plain_words
from hodei_worker.process import Process, check_working_dir, start_process
from hodei_worker.reaper import Exit, Reaper
from hodei_worker.scratch import Scratch
from hodei_worker.script import entrypoint_of
from hodei_worker.spool import Spool
from hodei_worker.workspace import Workspace

# How long a process that outlived its job may keep the job's pipes open. Two seconds let `tee` and the like
# finish; a forgotten daemon must not keep a finished job RUNNING.
DRAIN_SECONDS = 2.0
FIRST_PEEK, LAST_PEEK = 0.02, 2.0  # seconds; after that whoever meters the job looks often enough
LEFTOVER_GRACE = 0.5  # between TERM and KILL for what outlived a job that ended by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all attempts on this machine share."""

    worker_id: str
    reaper: Reaper
    scratch: Scratch
    limiter: Limiter
    base_environment: Mapping[str, str]
    pace: Pace = field(default_factory=Pace)
    working_dir: str = ""  # of jobs that name none; empty for a private one
    in_image: bool = False  # the container around us was made for the job
    entrypoint: tuple[str, ...] = ()  # of the image around us
    disk: str = ""  # what holds disk space, in words, for who asks for some
    shelf: Shelf | None = None  # None: output waits in memory alone


@dataclass(frozen=True, slots=True)
class Started:
    """A process is running."""

    pid: int
    at: float  # seconds since the epoch
    limits: str  # what enforces the limits, in words


class Attempt:
    """One attempt. `start`, then `run` to its end; `stop` may be called at any time between."""

    def __init__(self, order: Order, spool: Spool, host: Host) -> None:
        self.order = order
        self.spool = spool
        self._host = host
        self._now = asyncio.get_running_loop().time
        self._workspace = Workspace(order, host.scratch, host.working_dir)
        self._confinement: Confinement | None = None
        self._process: Process | None = None
        self._pump: LogPump | None = None
        self._clocks: Clocks | None = None
        self._stopping: tuple[str, str] | None = None  # reason, text
        self._kill_at = 0.0
        self._killing: asyncio.Task[bool] | None = None
        self._seen_memory_bytes = 0
        self._input: LiveInput | None = None
        self.on_input: Acknowledge = lambda taken, closed: None

    @property
    def next_sequence(self) -> int:
        """How many log entries there are so far."""
        return self._pump.next_sequence if self._pump else 0

    @property
    def log_bytes(self) -> int:
        """How many bytes of output there are so far."""
        return self._pump.next_offset if self._pump else 0

    @property
    def dropped_lines(self) -> int:
        """How many lines of output were lost, as its owner allowed."""
        return self._pump.dropped_lines if self._pump else 0

    @property
    def confinement(self) -> Confinement | None:
        """What holds the job's processes to its limits, once it has started."""
        return self._confinement

    @property
    def process(self) -> Process | None:
        """The job's process, once it has started."""
        return self._process

    @property
    def _is_line(self) -> bool:
        return isinstance(self.order.command, Shell) and not self.order.command.arguments

    def note_memory(self, in_use: int) -> None:
        """Somebody has looked: the job's processes together hold so many bytes."""
        self._seen_memory_bytes = max(self._seen_memory_bytes, in_use)

    def start(self) -> Started:
        """Start the process. Raise NotStarted, with nothing left behind, if that cannot be."""
        try:
            process = self._start_process()
        except BaseException:
            self._close_confinement()
            self._workspace.discard()
            raise
        assert self._confinement is not None
        self._confinement.entered(process.pid)
        pump = self._start_pump(process)
        if process.stdin >= 0:
            self._input = LiveInput(process.stdin, self.on_input, self._lose_input)
        self._clocks = Clocks(self.order, process, pump, self.stop)
        self._clocks.start(self._confinement.watched_bytes)
        if not self._confinement.counts:
            self._peek(FIRST_PEEK)
        return Started(process.pid, process.started_at, self._limits(self._confinement))

    def _limits(self, confinement: Confinement) -> str:
        """What holds which limit, in words."""
        asked = self.order.asked
        if not asked.storage_bytes:
            return confinement.text
        disk = f"disk {asked.storage_bytes // 2**20} MiB {self._host.disk}"
        return f"{confinement.text}; {disk}" if asked else disk

    def _peek(self, next_in: float) -> None:
        """Look at the memory of the job's first process, soon and then ever more rarely: a short job would
        end before anybody looks. The kernel keeps the process's own peak for us.
        """
        assert self._process is not None
        assert self._clocks is not None
        if self._process.exited.done():
            return
        self.note_memory(tree.peak_bytes(self._process.pid))
        if next_in < LAST_PEEK:
            self._clocks.set("peek", next_in, self._peek, next_in * 2)

    def receive_input(self, offset: int, data: bytes, *, end: bool) -> None:
        """The next piece of the job's standard input; answered by `on_input`."""
        if self._input is not None:
            self._input.receive(offset, data, end=end)

    def stop(self, reason: str, message: str, grace: float | None = None) -> None:
        """TERM to all the job's processes, KILL after the grace (seconds; the order's own by default).

        The first reason stands; a later call can only bring the KILL forward. A job that has ended by itself
        keeps its own end.
        """
        if self._process is None or self._clocks is None or self._process.exited.done():
            return
        grace = self.order.grace if grace is None else grace
        kill_at = self._now() + grace
        if self._stopping is None:
            self._stopping = (reason, message)
            if grace > 0:
                self._process.signal(signal.SIGTERM)
                self._process.signal(signal.SIGCONT)  # a stopped process would not hear of it
        elif kill_at >= self._kill_at:
            return
        self._kill_at = kill_at
        self._clocks.set("kill", grace, self._kill)

    async def run(self) -> Outcome:
        """Wait for the end of the process, of all it started and of its output; leave nothing behind."""
        assert self._process is not None, "start() comes first"
        assert self._pump is not None
        try:
            end = await self._process.exited
            self._pump.read_now()
            await self._end_tree(self._process, self._pump)
            return self._judge(end)
        except BaseException:
            await self._process.kill()  # a fault of ours must not leave a job running that nobody watches
            raise
        finally:
            if self._killing is not None:
                # Between two rounds it has not seen yet that all is gone: it would kill the next job instead.
                self._killing.cancel()
            self._pump.close()
            if self._input is not None:
                self._input.close()
            self._close_confinement()
            await self._workspace.remove()

    def _start_process(self) -> Process:
        order, host, workspace = self.order, self._host, self._workspace
        check_working_dir(order.working_dir)
        workspace.prepare()
        environment = job_environment(
            host.base_environment, order, host.worker_id, lambda: workspace.private() or "/"
        )
        self._confinement = host.limiter.confine(order.asked)
        if self._is_line and not has_shell():
            workspace.argv = plain_words(workspace.argv[-1], environment) or workspace.argv
        words = (*entrypoint_of(order.entrypoint, host.entrypoint), *workspace.argv)
        argv = self._confinement.wrap(Launch(words, environment, workspace.working_dir))
        with first_to_go() if host.in_image else nullcontext():
            self._process = start_process(
                argv,
                environment=environment,
                working_dir=workspace.working_dir,
                stdin=order.stdin,
                live_input=order.live_input,
                reaper=host.reaper,
            )
        return self._process

    def _lose_input(self) -> None:
        self.stop(LOST, LOST_TEXT)

    def _start_pump(self, process: Process) -> LogPump:
        pace = self._host.pace
        pace = Pace(lines=pace.lines, seconds=pace.seconds, drop=self.order.drop_logs)
        pump = LogPump(process.stdout, process.stderr, self.spool, pace)
        pump.start()
        self._pump = pump
        return pump

    # -- the end -----------------------------------------------------------------------------------

    def _kill(self) -> None:
        if self._process is not None and self._killing is None:
            if self._confinement is not None:
                self._confinement.kill()
            self._killing = asyncio.ensure_future(self._process.kill())

    async def _end_tree(self, process: Process, pump: LogPump) -> None:
        """End what outlived the leader, then read what is left in the pipes."""
        if not process.gone:
            if self._stopping:
                await process.wait_gone(self._kill_at - self._now())
            else:
                await pump.drain(DRAIN_SECONDS)
                process.signal(signal.SIGTERM)
                await process.wait_gone(LEFTOVER_GRACE)
            if not process.gone:
                await (self._killing or process.kill())
        await pump.drain(DRAIN_SECONDS)

    def _judge(self, end: Exit) -> Outcome:
        assert self._process is not None
        assert self._confinement is not None
        reason, message = self._why(end)
        used = self._confinement.used()
        return Outcome(
            reason=reason,
            exit_code=end.exit_code,
            signal=end.signal,
            message=message,
            cpu_seconds=max(used.cpu_seconds, end.cpu_seconds + self._process.orphan_cpu_seconds),
            peak_memory_bytes=self._peak(used, end),
        )

    def _peak(self, used: Used, end: Exit) -> int:
        assert self._confinement is not None
        if used.peak_memory_bytes and self._confinement.counts:
            return used.peak_memory_bytes
        # Of what ended before anybody could look we know how many pages it came to use.
        known = max(used.peak_memory_bytes, self._seen_memory_bytes, _own_peak(end))
        return known or min(end.touched_bytes, end.peak_memory_bytes)

    def _why(self, end: Exit) -> tuple[str, str]:
        assert self._confinement is not None
        if self._stopping:
            return self._stopping
        if end.status != 0 and self._confinement.oom_killed():
            return "oom", _out_of_memory(self._confinement.memory_bytes)
        if end.signal:
            return "signal", f"ended by {_signal_name(end.signal)}"
        if self._is_line and has_shell():
            return _shell_reason(end.exit_code)
        return "exit", f"exit code {end.exit_code}" if end.exit_code else ""

    def _close_confinement(self) -> None:
        if self._clocks is not None:
            self._clocks.close()
        if self._confinement is not None:
            self._confinement.close()


def _shell_reason(exit_code: int) -> tuple[str, str]:
    """POSIX keeps 126 and 127 of `sh -c` for a command that cannot be executed or found."""
    match exit_code:
        case 0:
            return "exit", ""
        case 126:
            return "not-executable", "the shell could not execute a command (exit code 126)"
        case 127:
            return "command-not-found", "the shell did not find a command (exit code 127)"
    return "exit", f"exit code {exit_code}"


def _out_of_memory(limit_bytes: int) -> str:
    if not limit_bytes:
        return "killed by the kernel: the machine was out of memory"
    return f"used more than its {limit_bytes // 2**20} MiB of memory"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _own_peak(end: Exit) -> int:
    """The peak of the job's largest process in bytes, or 0 when it is not known.

    A process made by vfork counts the peak of its parent, us, as its own until it exceeds it (the kernel
    keeps the maximum over exec). So a value not above ours tells nothing about the job.
    """
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return end.peak_memory_bytes if end.peak_memory_bytes > ours else 0
