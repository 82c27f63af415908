"""From the wish for a worker to a container, and from a container to what the control plane asks. No I/O."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from attrs import frozen
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import WorkerId, parse_worker_id
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.records import ABSENT, FoundWorker, Presence, PresenceState, Usage
from hodei_domain.workers.spec import WorkerSpec

from hodei_infrastructure.docker.config import AS_IN_IMAGE, DockerConfig
from hodei_infrastructure.docker.facts import MIB, EngineFacts, ImageFacts, is_root
from hodei_infrastructure.variables import size

INSTALLATION, WORKER, PROVIDER = "hodei.installation", "hodei.worker.id", "hodei.provider"
DATABASE = "hodei.database"
EXPIRES, DEMAND = "hodei.expires-at", "hodei.demand"

AGENT_DIR = "/hodei"
SCRATCH_DIR = "/hodei-work"
SPOOL_DIR = "/hodei-spool"
SECRET_DIR = ".hodei-start"  # noqa: S105  # below the root; the agent may delete from it, whoever it is
SECRET_FILE = "token"  # noqa: S105  # a name
CAPABILITIES = (
    "CHOWN",  # package managers, `install -o`, `tar -x` give files to their owners
    "DAC_OVERRIDE",  # root reads and writes what belongs to others: apt's lists are `_apt`'s
    "FOWNER",  # … and changes their modes
    "FSETID",  # … without losing their set-user-ID bits
    "KILL",  # ends what it has started as somebody else
    "NET_BIND_SERVICE",  # ports below 1024
    "SETFCAP",  # rpm writes the capabilities of files it unpacks; without new privileges nobody gains them
    "SETGID",  # becomes an ordinary user: apt's fetchers, `su`, databases
    "SETUID",
    "SYS_CHROOT",  # debootstrap, `dpkg --root`
)
"""What root has in a container: Docker's own choice without MKNOD (device nodes), NET_RAW (forged packets),
SETPCAP and AUDIT_WRITE. Whoever is not root has none, and nobody gains any.
"""

AGENT_MIB = 64
"""On top of the job's memory: the agent (20 MiB, and as much of its files), which holds what is too much."""

SPOOL = "HODEI_SPOOL_SIZE"
SPOOL_BYTES = 64 * MIB
"""What an agent takes where it is not told."""

SCRATCH_MIB = 1024
"""The most that a job without a limit of memory may keep in its private directory, which is memory."""

KILLED = 128 + 9


def container_name(worker_id: WorkerId) -> str:
    """The one name that a worker's container can have."""
    return f"hodei-worker-{worker_id}"


@frozen(kw_only=True)
class Marks:
    """Whose a container is."""

    installation: str
    provider: str


def labels(spec: WorkerSpec, marks: Marks, config: DockerConfig) -> dict[str, str]:
    """What a container says of itself from its first moment. Ours win."""
    told = {
        INSTALLATION: marks.installation,
        WORKER: str(spec.worker_id),
        PROVIDER: marks.provider,
        DEMAND: spec.demand.key,
        DATABASE: spec.database,
    }
    expiry = {} if spec.expires_at is None else {EXPIRES: spec.expires_at.isoformat()}
    return {**config.labels, **told, **expiry}


HELD = "held by the storage driver"
KEPT = ("HODEI_LOG_LEVEL", "HODEI_LOG_BATCH_SIZE", "HODEI_LOG_FLUSH_INTERVAL", "HODEI_DRAIN_TIMEOUT", SPOOL)
"""What an agent takes over from the server's environment."""


def agent_environment(
    spec: WorkerSpec,
    entrypoint: Sequence[str] = (),
    disk: str = HELD,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """What the agent is told. The one-time password is named by its file only."""
    told = {name: environ[name] for name in KEPT if name in environ} | {
        "HODEI_SERVER": spec.server_address,
        "HODEI_WORKER_ID": str(spec.worker_id),
        "HODEI_WORKER_NAME": container_name(spec.worker_id),
        "HODEI_OTP_FILE": f"/{SECRET_DIR}/{SECRET_FILE}",
        "HODEI_WORKER_DIR": SCRATCH_DIR,
        "HODEI_SPOOL_DIR": SPOOL_DIR,
        "HODEI_WORKER_IN_IMAGE": "1",
        "GRPC_ENABLE_FORK_SUPPORT": "0",
    }
    if spec.demand.resources.storage_mib:
        told["HODEI_WORKER_DISK"] = disk
    if entrypoint:
        told["HODEI_IMAGE_ENTRYPOINT"] = json.dumps(entrypoint)
    return [f"{name}={value}" for name, value in told.items()]


def user_of(asked: str, image: ImageFacts, config: DockerConfig) -> str:
    """Who the agent and its jobs are: whom the job asks for, else the image, else the operator; else root."""
    if asked or image.names_a_user:
        return asked or image.user
    if config.user and config.user != AS_IN_IMAGE:
        return config.user
    # By number: an image without a list of accounts knows nobody by name.
    return "0" if image.user in ("", "root") else image.user


NON_ROOT = "HODEI_DOCKER_REQUIRE_NON_ROOT"


def why_not_as(user: str, config: DockerConfig) -> str | None:
    """Why nobody may be that user there, for people; None if one may."""
    if config.require_non_root and is_root(user):
        return f"runs nothing as root ({NON_ROOT}); say who else it is with --user UID[:GID]"
    return None


def container(
    spec: WorkerSpec,
    *,
    image: ImageFacts,
    user: str,
    engine: EngineFacts,
    config: DockerConfig,
    marks: Marks,
    command: Sequence[str],
    volume: str | None,
) -> dict[str, Any]:
    """The body of POST /containers/create. `volume` has the agent; None if it will be copied.

    What the image would start (entrypoint, command, health check) is replaced.
    """
    return {
        "Image": image.id,
        "Entrypoint": list(command),
        "Cmd": [],
        "User": user,
        "Env": agent_environment(
            spec, image.entrypoint, HELD if engine.limits_disks else engine.why_no_quota
        ),
        "Labels": labels(spec, marks, config),
        "Healthcheck": {"Test": ["NONE"]},
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "HostConfig": {
            **_host(spec.demand.resources, engine, config),
            "CapAdd": list(CAPABILITIES) if is_root(user) else [],
            "Mounts": [] if volume is None else [agent_mount(volume, read_only=True)],
        },
    }


def agent_mount(volume: str, *, read_only: bool) -> dict[str, Any]:
    """The agent's volume in a container. What the image has at that place is not copied into it."""
    return {
        "Type": "volume",
        "Source": volume,
        "Target": AGENT_DIR,
        "ReadOnly": read_only,
        "VolumeOptions": {"NoCopy": True},
    }


def _host(asked: Resources, engine: EngineFacts, config: DockerConfig) -> dict[str, Any]:
    host: dict[str, Any] = {
        "NetworkMode": config.network_mode,
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,  # how it ended is asked after its end
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": config.pids_limit,
        "OomScoreAdj": 500,  # before anything of the machine's own
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
        "Tmpfs": {SCRATCH_DIR: f"rw,exec,nosuid,nodev,mode=1777,size={_scratch_mib(asked)}m"},
    }
    if config.dns_servers:
        host["Dns"] = list(config.dns_servers)
    if config.network_mode not in ("host", "none"):
        host["ExtraHosts"] = ["host.docker.internal:host-gateway"]
    if asked.memory_mib:
        host["Memory"] = host["MemorySwap"] = (asked.memory_mib + AGENT_MIB) * MIB
    if asked.cpu_cores:
        host["NanoCpus"] = max(round(asked.cpu_cores * 1e9), 10_000_000)  # the engine's own least
    if asked.storage_mib and engine.limits_disks:
        host["StorageOpt"] = {"size": f"{asked.storage_mib + spool_mib()}M"}  # what waits lies there, too
    if asked.gpu:
        host["DeviceRequests"] = [{"Count": asked.gpu, "Capabilities": [["gpu"]]}]
    return host


def _scratch_mib(asked: Resources) -> int:
    return asked.memory_mib or SCRATCH_MIB


def spool_mib(environ: Mapping[str, str] = os.environ) -> int:
    """Room for the output that waits for the server, as the agent is told. The settings have checked it."""
    told = environ.get(SPOOL, "").strip()
    return -(-(size(told) if told else SPOOL_BYTES) // MIB)


# --- what an engine can do ---


def to_capabilities(engine: EngineFacts | None) -> Capabilities:
    """What containers there can give to a job; of an engine that has not answered yet little is known."""
    if engine is None:
        return Capabilities(images=True, labels={"hodei.provider": "docker"})
    return Capabilities(
        max_resources=Resources(cpu_cores=float(engine.cpu_cores), memory_mib=engine.memory_mib),
        gpu=engine.gpus,
        architectures=frozenset({engine.architecture} - {""}),
        images=True,
        labels={"hodei.provider": "docker", "os": "linux", "arch": engine.architecture},
    )


def why_not(demand: DemandClass, engine: EngineFacts | None, config: DockerConfig) -> str | None:
    """What no container there can do for a job, for people."""
    if not demand.image and not config.default_image:
        return "has no default image for jobs that name none; HODEI_WORKER_IMAGE sets it"
    if config.network_mode == "none":
        return "its network is `none`, through which no worker reaches the server"
    if demand.user and (refusal := why_not_as(demand.user, config)):
        return refusal
    if engine is None:
        return None
    asked = demand.resources
    if asked.cpu_cores > engine.cpu_cores > 0:
        return f"its machine has {engine.cpu_cores} cores, not {asked.cpu_cores:g}"
    if asked.memory_mib > engine.memory_mib > 0:
        return f"its machine has {engine.memory_mib} MiB of memory, not {asked.memory_mib}"
    if asked.gpu and not engine.gpus:
        return "its engine has no runtime for GPUs"
    if demand.architecture and engine.architecture and demand.architecture != engine.architecture:
        return f"its machine is {engine.architecture}, not {demand.architecture}"
    return None


# --- what containers are ---


def is_ours(document: Mapping[str, Any], marks: Marks, worker_id: WorkerId) -> bool:
    """Whether a container, by GET /containers/…/json, carries our marks for this worker."""
    told = (document.get("Config") or {}).get("Labels") or {}
    return told.get(INSTALLATION) == marks.installation and told.get(WORKER) == str(worker_id)


_STATES = {
    "created": PresenceState.STARTING,
    "restarting": PresenceState.STARTING,
    "running": PresenceState.RUNNING,
    "paused": PresenceState.RUNNING,
}


def to_presence(document: Mapping[str, Any] | None) -> Presence:
    """How a worker stands, by GET /containers/…/json."""
    if document is None:
        return ABSENT
    state = document.get("State") or {}
    found = _STATES.get(str(state.get("Status")), PresenceState.EXITED)
    if found is not PresenceState.EXITED:
        return Presence(state=found)
    code = int(state.get("ExitCode") or 0)
    reason = _why_ended(code, bool(state.get("OOMKilled")), str(state.get("Error") or ""))
    return Presence(state=found, reason=reason, exit_code=code)


def _why_ended(code: int, out_of_memory: bool, error: str) -> str:
    if out_of_memory and code == KILLED:
        return f"{Reason.OOM}: the memory of its container ran out"
    if code == KILLED:
        return "killed: signal 9, and not because memory ran out"
    if error:
        return error
    return (
        "the agent was ended by signal " + str(code - 128)
        if code > 128
        else f"the agent ended with exit code {code}"
    )


def to_found(summary: Mapping[str, Any], presence: Presence | None = None) -> FoundWorker | None:
    """A worker as the inventory lists it, by an entry of GET /containers/json; None if it is of no worker.

    `presence` is what is known of its end.
    """
    told = summary.get("Labels") or {}
    try:
        worker_id = parse_worker_id(told.get(WORKER, ""))
    except InvalidInput:
        return None
    state = _STATES.get(str(summary.get("State")), PresenceState.EXITED)
    return FoundWorker(
        worker_id=worker_id,
        started_at=datetime.fromtimestamp(int(summary.get("Created") or 0), UTC),
        expires_at=_instant(told.get(EXPIRES, "")),
        presence=presence or Presence(state=state),
        database=told.get(DATABASE, ""),
    )


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


_FRACTION = re.compile(r"\.\d+")


def engine_instant(text: str) -> datetime | None:
    """An instant as the engine writes it, with nanoseconds; None for none."""
    instant = _instant(_FRACTION.sub("", text.replace("Z", "+00:00")))
    return instant if instant is not None and instant.year > 1 else None


def to_usage(stats: Mapping[str, Any], seconds: float) -> Usage:
    """From GET /containers/…/stats. The processor time is an average over the `seconds` of its life."""
    cpu = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file") or details.get("inactive_file") or 0
    networks = (stats.get("networks") or {}).values()
    return Usage(
        cpu_cores=cpu / 1e9 / max(seconds, 0.001),
        memory_bytes=max(int(memory.get("usage") or 0) - int(cache), 0),
        network_sent_bytes=sum(int(each.get("tx_bytes") or 0) for each in networks),
        network_received_bytes=sum(int(each.get("rx_bytes") or 0) for each in networks),
    )


def gateway_of(network: Mapping[str, Any]) -> str | None:
    """The address of the engine's machine within a network, by GET /networks/…; None if it has none.

    Of the default bridge an engine that made it anew tells the subnet alone: then it is the first address.
    """
    pools = (network.get("IPAM") or {}).get("Config") or []
    told = [gateway for pool in pools if (gateway := _gateway(pool))]
    return next((gateway for gateway in told if ":" not in gateway), told[0] if told else None)


def _gateway(pool: Mapping[str, Any]) -> str:
    gateway = str(pool.get("Gateway") or "").partition("/")[0]
    if gateway or not pool.get("Subnet"):
        return gateway
    try:
        return str(ip_network(str(pool["Subnet"]), strict=False)[1])
    except (ValueError, IndexError):
        return ""
