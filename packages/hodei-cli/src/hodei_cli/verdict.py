"""How a job's end is told to a shell: an exit status, and a line where that alone does not say it. Pure."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NamedTuple

from hodei_cli.exits import Exit, for_signal

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import GetJobResponse

# As a shell has them, for a command that was never started.
NOT_STARTED = {"command-not-found": 127, "not-executable": 126}
CLOCKS = {
    "timeout:execution": "it ran longer than --timeout",
    "timeout:queue": "it waited longer than --queue-timeout",
    "timeout:no-output": "it wrote nothing for --silence-timeout",
    "timeout:total": "it took longer than --total-timeout",
}


class Verdict(NamedTuple):
    """Exit status of `hodei run`, and what is to be said about it on stderr ("" if nothing)."""

    status: int
    line: str = ""


def verdict(job: GetJobResponse, interrupted_by: int | None = None) -> Verdict:
    """What the end of `job` means. `interrupted_by` is the signal for which this command cancelled it."""
    if job.state == "SUCCEEDED":
        return Verdict(Exit.OK)
    if job.state == "CANCELLED":
        status = for_signal(interrupted_by) if interrupted_by else Exit.INTERRUPTED
        return Verdict(status, "cancelled" if interrupted_by else _with("cancelled", job.message))
    if job.state == "TIMEOUT":
        told = f"timed out ({job.reason}): {CLOCKS.get(job.reason, job.message)}"
        waited = job.attempt == 0 or job.reason == "timeout:queue"  # then the message tells what for
        return Verdict(Exit.TIMEOUT, _with(told, job.message) if waited and job.reason in CLOCKS else told)
    return _failed(job)


def _failed(job: GetJobResponse) -> Verdict:
    if job.reason in NOT_STARTED:
        return Verdict(NOT_STARTED[job.reason], _with(job.reason, job.message))
    if job.reason == "exit" and job.exit_code:
        return Verdict(job.exit_code & 0xFF or Exit.FAILED)
    if job.signal:
        name = _signal_name(job.signal)
        text = (
            f"ended by {name}"
            if job.reason == "signal"
            else _with(f"{job.reason}, ended by {name}", job.message)
        )
        return Verdict(for_signal(job.signal), text)
    return Verdict(job.exit_code or Exit.FAILED, _with(job.reason or job.state.lower(), job.message))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with(what: str, message: str) -> str:
    return f"{what}: {message}" if message and message != what else what
