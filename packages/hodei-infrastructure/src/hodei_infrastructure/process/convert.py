"""From the wish for a worker to a process, and from what is left of one to what the control plane asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.kernel.values import Resources, architecture_name
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.records import ABSENT, FoundWorker, Presence, PresenceState
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.machine import Machine
from hodei_infrastructure.process.markers import Marker

# An agent needs these of the server's environment; nothing else of it reaches an agent, let alone a job.
KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH"),
    *("HODEI_LOG_LEVEL", "HODEI_LOG_BATCH_SIZE", "HODEI_LOG_FLUSH_INTERVAL", "HODEI_DRAIN_TIMEOUT"),
    "HODEI_SPOOL_SIZE",
)
STARTUP = timedelta(milliseconds=300)


def agent_environment(
    spec: WorkerSpec, *, otp: Path, directory: Path, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The whole environment of an agent. The one-time password is named by its file only.

    PYTHONDONTWRITEBYTECODE is left out, because compiling its modules would cost each agent 100 ms.
    """
    kept = {name: environ[name] for name in KEPT if name in environ}
    return kept | {
        "HODEI_SERVER": spec.server_address,
        "HODEI_WORKER_ID": str(spec.worker_id),
        "HODEI_WORKER_NAME": f"hodei-worker-{spec.worker_id}",
        "HODEI_OTP_FILE": str(otp),
        "HODEI_WORKER_DIR": str(directory),
        # gRPC's fork handlers print a warning for each job that is started, and make starting slower.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
    }


def mark_of(worker_id: WorkerId) -> bytes:
    """What the environment of an agent, and of the jobs that it starts, has in it."""
    return f"HODEI_WORKER_ID={worker_id}".encode()


def to_capabilities(machine: Machine) -> Capabilities:
    """What processes of this machine can give to a job."""
    return Capabilities(
        max_resources=Resources(
            cpu_cores=machine.cpu_cores,
            memory_mib=machine.memory_mib,
            storage_mib=machine.disk_mib,
        ),
        gpu=False,
        architectures=frozenset({architecture_name(machine.architecture)}),
        images=False,
        labels={
            "hodei.provider": "process",
            "os": machine.os.partition(" ")[0],
            "hostname": machine.hostname,
            "arch": architecture_name(machine.architecture),
        },
    )


def why_not(demand: DemandClass) -> str | None:
    """What no process can do for a job, for people."""
    if demand.image:
        return (
            f"the process provider runs no images: {demand.image} needs a container provider such as docker"
        )
    if demand.user:
        return f"the process provider runs jobs as the server's own user, not as {demand.user}: name an image"
    if demand.resources.gpu:
        return "the process provider gives no GPUs to jobs"
    return None


def to_presence(marker: Marker | None) -> Presence:
    """How a worker stands, by its marker and the process table."""
    if marker is None:
        return ABSENT
    entry = marker.find()
    if entry is not None and not entry.ended:
        return Presence(state=PresenceState.RUNNING)
    if marker.pid is None:
        return Presence(state=PresenceState.STARTING)
    return Presence(state=PresenceState.EXITED, reason=_reason(marker.exit_code), exit_code=marker.exit_code)


def _reason(exit_code: int | None) -> str:
    if exit_code is None:
        return "the agent's process has ended"
    if exit_code < 0:
        return f"the agent was ended by signal {-exit_code}"
    return f"the agent ended with exit code {exit_code}"


def to_found(marker: Marker) -> FoundWorker:
    """A worker as the inventory lists it."""
    return FoundWorker(
        worker_id=marker.worker_id,
        started_at=marker.created_at,
        expires_at=marker.expires_at,
        presence=to_presence(marker),
        database=marker.database,
    )
