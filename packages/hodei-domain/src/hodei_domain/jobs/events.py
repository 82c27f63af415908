"""What happens to jobs. Payloads never carry environment values, script text or stdin."""

from datetime import datetime
from typing import Any

from attrs import frozen

from hodei_domain.jobs.spec import Command, Shell
from hodei_domain.kernel.events import SYSTEM, Event

LONGEST_COMMAND = 500  # characters of a command line that an event carries


def summary_of(command: Command) -> dict[str, Any]:
    """What may be told of a command: the line, cut to 500 characters, or the interpreter and the script's
    size.
    """
    if isinstance(command, Shell):
        line = " ".join((command.command, *command.arguments)) if command.arguments else command.command
        return {"command": line if len(line) <= LONGEST_COMMAND else line[: LONGEST_COMMAND - 1] + "…"}
    return {"interpreter": command.interpreter, "script_bytes": len(command.content.encode())}


@frozen(kw_only=True)
class JobCreated(Event):
    """A job was submitted and waits in the queue."""

    name: str
    command: Command
    priority: str
    queued_by: str
    demand: str
    rerun_of: str | None = None

    def payload(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "job_id": self.correlation_id,
            "name": self.name,
            **summary_of(self.command),
            "priority": self.priority,
            "queued_by": self.queued_by,
            "class": self.demand,
        }
        if self.rerun_of is not None:
            told["rerun_of"] = self.rerun_of
        return told


@frozen(kw_only=True)
class JobProvisioning(Event):
    """A worker that is made for jobs like this one, which waits, has come so far."""

    actor: str | None = SYSTEM
    provider: str
    worker_id: str
    stage: str

    def payload(self) -> dict[str, Any]:
        return {
            "job_id": self.correlation_id,
            "provider": self.provider,
            "worker_id": self.worker_id,
            "stage": self.stage,
        }


@frozen(kw_only=True)
class JobAssigned(Event):
    """A worker was chosen for the job's next attempt."""

    actor: str | None = SYSTEM
    worker_id: str
    attempt: int

    def payload(self) -> dict[str, Any]:
        return {"job_id": self.correlation_id, "worker_id": self.worker_id, "attempt": self.attempt}


@frozen(kw_only=True)
class JobStatusChanged(Event):
    """The job went from one state to another."""

    actor: str | None = SYSTEM
    old_state: str
    new_state: str
    attempt: int
    exit_code: int | None = None
    reason: str | None = None

    def payload(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "job_id": self.correlation_id,
            "old_state": self.old_state,
            "new_state": self.new_state,
            "attempt": self.attempt,
        }
        if self.exit_code is not None:
            told["exit_code"] = self.exit_code
        if self.reason is not None:
            told["reason"] = self.reason
        return told


@frozen(kw_only=True)
class JobCancelRequested(Event):
    """Someone wants a scheduled or running job to stop."""

    attempt: int
    reason: str

    def payload(self) -> dict[str, Any]:
        return {"job_id": self.correlation_id, "attempt": self.attempt, "reason": self.reason}


@frozen(kw_only=True)
class JobCancelled(Event):
    """The job ended because someone wanted it to."""

    by: str
    reason: str

    def payload(self) -> dict[str, Any]:
        return {"job_id": self.correlation_id, "by": self.by, "reason": self.reason}


@frozen(kw_only=True)
class JobRetried(Event):
    """The job went back to the queue for a further attempt after `attempt` failed, was lost or was given
    back.
    """

    actor: str | None = SYSTEM
    attempt: int
    why: str
    not_before: datetime | None

    def payload(self) -> dict[str, Any]:
        not_before = None if self.not_before is None else self.not_before.isoformat()
        return {
            "job_id": self.correlation_id,
            "attempt": self.attempt,
            "why": self.why,
            "not_before": not_before,
        }


@frozen(kw_only=True)
class JobHeld(Event):
    """The job lost its worker and waits for a person, who releases or cancels it."""

    actor: str | None = SYSTEM
    attempt: int
    why: str

    def payload(self) -> dict[str, Any]:
        return {"job_id": self.correlation_id, "attempt": self.attempt, "why": self.why}


@frozen(kw_only=True)
class JobReleased(Event):
    """A held job went back to the queue."""

    def payload(self) -> dict[str, Any]:
        return {"job_id": self.correlation_id}
