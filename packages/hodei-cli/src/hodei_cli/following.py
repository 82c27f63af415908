"""One job from its submission to its end, on this terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hodei_grpc.client import CallFailed
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire.hodei import GetJobRequest, JobId, SubscribeLogsRequest

from hodei_cli.attachment import Attached, Patience, cancel
from hodei_cli.chunks import Printer
from hodei_cli.errors import CliError, NoServer
from hodei_cli.interrupts import Interrupts
from hodei_cli.verdict import verdict

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

T = TypeVar("T")

FIRST_WORD_SECONDS = 5.0


class Following:
    """Prints a job's output until the job ends. Survives a server that goes away and comes back."""

    def __init__(self, attached: Attached, job_id: str, *, tail_lines: int | None = None) -> None:
        self._attached = attached
        self._job_id = job_id
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
        request = GetJobRequest(job_id=JobId(value=self._job_id))
        return self._attached.session.call(JobExecutionService.get_job, request)

    def _print_once(self) -> None:
        seen = self._printer.since_sequence
        tail = self._tail_lines if not seen else None
        request = SubscribeLogsRequest(
            job_id=self._job_id,
            include_history=tail is None,
            tail_lines=tail or 0,
            since_sequence=seen,
        )
        for chunk in self._attached.session.stream(LogStreamService.subscribe_log_chunks, request):
            self._printer.write(chunk)

    def _patiently(self, call: Callable[[], T]) -> T:
        patience = Patience(self._job_id, self._printer.say)
        while True:
            before = self._printer.since_sequence
            try:
                return call()
            except NoServer:
                if self._printer.since_sequence > before:
                    patience.begin_again()
                self._attached.recover(patience)

    def _cancel(self) -> None:
        cancel(self._attached.session, self._job_id)

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
