"""One job from its submission to its end, on this terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TypeVar

from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire.hodei import GetJobRequest, JobId, SubscribeLogsRequest

from hodei_cli.attachment import Attached, Patience, cancel, patiently
from hodei_cli.chunks import Printer
from hodei_cli.interrupts import Interrupts
from hodei_cli.pending import PendingLine
from hodei_cli.verdict import verdict

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

T = TypeVar("T")


class Following:
    """Prints a job's output until the job ends. Survives a server that goes away and comes back."""

    def __init__(
        self, attached: Attached, job_id: str, *, tail_lines: int | None = None, sends_input: bool = False
    ) -> None:
        self._attached = attached
        self._job_id = job_id
        self._pending = PendingLine(self.job)
        self._printer = Printer(platform=sys.stderr.isatty(), before=self._pending.clear)
        self._tail_lines = tail_lines
        self._sends_input = sends_input

    def to_the_end(self) -> int:
        """Follow the job; Ctrl-C cancels it. Return the exit status its end means."""
        with Interrupts(self._cancel) as interrupts, self._input():
            try:
                self.print_output()
                job = self._patiently(self.job)
            except BrokenPipeError:
                self._cancel()  # nobody reads: as a shell's pipeline, stop the one who writes
                raise
        status, line = verdict(job, interrupts.received)
        if line:
            self._printer.say(line)
        return status

    def _input(self) -> AbstractContextManager[object]:
        if not self._sends_input:
            return nullcontext()
        from hodei_cli.live_input import InputSender

        return InputSender(self._attached, self._job_id, self._printer.say)

    def print_output(self) -> None:
        """Print what was written and what comes, until the job has ended."""
        with self._pending:
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
        patience = Patience(self._printer.say, "the job goes on", f"hodei logs follow {self._job_id}")
        return patiently(self._attached, patience, call, lambda: self._printer.since_sequence)

    def _cancel(self) -> None:
        cancel(self._attached.session, self._job_id)
