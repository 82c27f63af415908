"""One job from its submission to its end, on this terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from hodei_grpc.client import CallFailed
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire.hodei import (
    CancelJobRequest,
    GetJobRequest,
    JobId,
    SubscribeLogsRequest,
)

from hodei_cli.chunks import Printer
from hodei_cli.errors import CliError, NoServer
from hodei_cli.exits import Exit
from hodei_cli.interrupts import Interrupts
from hodei_cli.verdict import verdict

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

    from hodei_cli.session import Session

T = TypeVar("T")

# A restarting server is back within seconds; a job runs on meanwhile, so waiting is right.
PATIENCE_SECONDS = 60.0
FIRST_WORD_SECONDS = 5.0


class Following:
    """Prints a job's output until the job ends. Survives a server that goes away and comes back."""

    def __init__(
        self,
        session: Session,
        job_id: str,
        *,
        server_lives: Callable[[], bool] = lambda: True,
        tail_lines: int | None = None,
    ) -> None:
        self._session = session
        self._job_id = job_id
        self._server_lives = server_lives
        self._printer = Printer(platform=sys.stderr.isatty())
        self._tail_lines = tail_lines
        self._over = threading.Event()

    def to_the_end(self) -> int:
        """Follow the job; Ctrl-C cancels it. Return the exit status its end means."""
        with Interrupts(self._cancel) as interrupts:
            threading.Thread(target=self._say_why_nothing_happens, daemon=True).start()
            try:
                self.print_output()
                job = self._patiently(self.job)
            except BrokenPipeError:
                self._cancel()  # nobody reads: as a shell's pipeline, stop the one who writes
                raise
            finally:
                self._over.set()
        status, line = verdict(job, interrupts.received)
        if line:
            self._printer.say(line)
        return status

    def print_output(self) -> None:
        """Print what was written and what comes, until the job has ended."""
        self._patiently(self._print_once)

    def job(self) -> GetJobResponse:
        """The job as it is now."""
        return self._session.call(
            JobExecutionService.get_job, GetJobRequest(job_id=JobId(value=self._job_id))
        )

    def _print_once(self) -> None:
        seen = self._printer.since_sequence
        tail = self._tail_lines if not seen else None
        request = SubscribeLogsRequest(
            job_id=self._job_id,
            include_history=tail is None,
            tail_lines=tail or 0,
            since_sequence=seen,
        )
        for chunk in self._session.stream(LogStreamService.subscribe_log_chunks, request):
            self._printer.write(chunk)

    def _patiently(self, call: Callable[[], T]) -> T:
        waited = Patience(self._session.server.address, self._job_id, self._printer)
        while True:
            before = self._printer.since_sequence
            try:
                return call()
            except NoServer:
                if not self._server_lives():
                    raise
                if self._printer.since_sequence > before:
                    waited.begin_again()
                waited.once_more()

    def _cancel(self) -> None:
        request = CancelJobRequest(job_id=JobId(value=self._job_id), reason="asked at the terminal")
        # It may have ended meanwhile, which is refused and no news.
        with suppress(CliError, CallFailed):
            self._session.call(JobExecutionService.cancel_job, request)

    def _say_why_nothing_happens(self) -> None:
        said = ""
        while not self._over.wait(FIRST_WORD_SECONDS) and not self._printer.started.is_set():
            try:
                job = self.job()
            except (CliError, CallFailed):
                continue
            if job.state != "PENDING":
                return
            reasons = [(each.provider, each.reason) for each in job.pending_reasons]
            why = "; ".join(": ".join(filter(None, each)) for each in reasons)
            if why and why != said:
                self._printer.say(f"waiting: {why}")
                said = why


class Patience:
    """Waits for a server that went away, longer each time, and gives up after PATIENCE_SECONDS."""

    def __init__(self, address: str, job_id: str, printer: Printer) -> None:
        self._address = address
        self._job_id = job_id
        self._printer = printer
        self._pause = threading.Event()
        self.begin_again()

    def begin_again(self) -> None:
        """The server was back: count from here."""
        self._since: float | None = None
        self._delay = 0.1

    def once_more(self) -> None:
        """Wait a little. Raise CliError when it has been long enough."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._printer.say(f"lost the server at {self._address}; the job goes on, waiting for the server")
        if now - self._since > PATIENCE_SECONDS:
            raise CliError(
                f"the server at {self._address} did not come back",
                Exit.UNAVAILABLE,
                f"The job goes on without it. When it is back: hodei logs follow {self._job_id}",
            )
        self._pause.wait(self._delay)
        self._delay = min(self._delay * 2, 2.0)
