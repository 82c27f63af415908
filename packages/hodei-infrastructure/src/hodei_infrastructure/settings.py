"""What the environment says, read once, as one frozen record."""
# ruff: noqa: RUF009  (each `_setting` is an attrs field, made once on purpose)

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from attrs import field, fields, frozen
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.providers.pools import SHORTEST_LIFE
from hodei_domain.providers.provider import ProviderType

from hodei_infrastructure import variables as v
from hodei_infrastructure.docker import config as docker

T = TypeVar("T")
LOOPBACK = frozenset({"127.0.0.1", "::1"})

# Read by agents, by the command line, by the search for Postgres' programs, or given to jobs: a server may be
# started from a shell, or from a job, that has them.
OTHERS = (
    "HODEI_OTP_TOKEN HODEI_OTP_FILE HODEI_SERVER HODEI_SERVER_ADDRESS HODEI_WORKER_ID HODEI_WORKER_NAME "
    "HODEI_LOG_BATCH_SIZE HODEI_LOG_FLUSH_INTERVAL HODEI_WORKER_DIR HODEI_TOKEN HODEI_OUTPUT HODEI_REQUIRE "
    "HODEI_WORKER_IN_IMAGE HODEI_PG_BIN HODEI_JOB_ID HODEI_JOB_NAME HODEI_ATTEMPT HODEI_FC_TEST "
    "HODEI_K8S_TEST HODEI_DRAIN_TIMEOUT HODEI_DEBUG HODEI_GRPCURL HODEI_BUF_HOME "
    "HODEI_PYTHON HODEI_VENV"
)
MISSING_PROVIDERS = ("HODEI_K8S_", "HODEI_FC_")
FREE_PREFIXES = ("HODEI_TEST_",)


def _setting(names: str, parse: Callable[[str], T], default: T, **options: Any) -> T:
    """A field that is read from the first of `names` that is set."""
    return cast(T, field(default=default, metadata={"names": names, "parse": parse}, **options))


def _taken_by(convert: Callable[[str], T]) -> Callable[[str], T]:
    """A reader out of what checks the same value elsewhere."""

    def parse(text: str) -> T:
        try:
            return convert(text)
        except InvalidInput as refusal:
            raise v.Refused(refusal.text) from None

    return parse


def _masked(url: str | None) -> str:
    return "None" if url is None else repr(v.without_password(url))


@frozen(kw_only=True)
class Settings:
    """Everything the control plane takes from its environment. Durations are timedeltas, paths absolute."""

    data_dir: Path
    # Variables that are set for providers which this release does not have.
    without_effect: tuple[str, ...] = ()
    # None: the embedded Postgres, whose files lie in the data directory.
    database_url: str | None = _setting(
        "HODEI_DATABASE_URL DATABASE_URL", v.maybe(v.database_url), None, repr=_masked
    )
    # Past a pool of connections, for what needs a session of its own: hearing other servers at once.
    database_direct_url: str | None = _setting(
        "HODEI_DATABASE_DIRECT_URL", v.maybe(v.database_url), None, repr=_masked
    )
    db_max_connections: int = _setting("HODEI_DB_MAX_CONNECTIONS", v.whole(2, 1000), 10)
    db_connection_timeout: timedelta = _setting(
        "HODEI_DB_CONNECTION_TIMEOUT_SECS", v.duration, timedelta(seconds=30)
    )
    grpc_port: int = _setting("GRPC_PORT", v.port, 50051)
    bind: str = _setting("HODEI_BIND", v.address, "127.0.0.1")
    # "": the one it listens at. Several: this server and others on the same database.
    server_advertise: str = _setting("HODEI_SERVER_ADVERTISE", v.servers, "")
    dev_mode: bool = _setting("HODEI_DEV_MODE", v.flag, False)
    rest_port: int = _setting("HODEI_REST_PORT", v.port, 3000)
    # Pages of these origins may call the REST service from a browser.
    cors_origins: tuple[str, ...] = _setting("HODEI_CORS_ORIGINS", v.origins, ())
    rate_limit: int = _setting("HODEI_RATE_LIMIT", v.whole(1, 10**9), 5000)  # calls a second of one address
    max_streams: int = _setting("HODEI_MAX_STREAMS", v.whole(1, 10**6), 10_000)  # open on this server
    log_level: str = _setting("HODEI_LOG_LEVEL", v.one_of("debug", "info", "warning", "error"), "info")
    log_format: str = _setting("HODEI_LOG_FORMAT", v.one_of("console", "logfmt", "json"), "console")
    audit_retention: timedelta = _setting("HODEI_AUDIT_RETENTION", v.duration, timedelta(days=90))
    log_retention: timedelta = _setting("HODEI_LOG_RETENTION", v.duration, timedelta(days=30))
    # None: however much it is.
    log_retention_size: int | None = _setting("HODEI_LOG_RETENTION_SIZE", v.maybe(v.size), None)
    # None: for ever, and however many they are.
    history_retention: timedelta | None = _setting("HODEI_HISTORY_RETENTION", v.maybe(v.duration), None)
    history_max_jobs: int | None = _setting("HODEI_HISTORY_MAX_JOBS", v.maybe(v.whole(1, 10**9)), None)
    metrics_retention: timedelta = _setting("HODEI_METRICS_RETENTION", v.duration, timedelta(days=90))
    usage_retention: timedelta = _setting("HODEI_USAGE_RETENTION", v.duration, timedelta(days=7))
    # None: 9464 if it is free. -1: none.
    metrics_port: int | None = _setting("HODEI_METRICS_PORT", v.maybe(v.port_or_off), None)
    metrics_bind: str = _setting("HODEI_METRICS_BIND", v.address, "127.0.0.1")
    lease: timedelta = _setting("HODEI_LEASE", v.duration_from(timedelta(seconds=2)), timedelta(seconds=45))
    provisioning_enabled: bool = _setting("HODEI_PROVISIONING_ENABLED", v.flag, True)
    process_enabled: bool = _setting("HODEI_PROCESS_ENABLED", v.flag, True)
    # None: by the number of processors.
    process_max_workers: int | None = _setting("HODEI_PROCESS_MAX_WORKERS", v.maybe(v.whole(1, 10_000)), None)
    worker_min_idle: int = _setting("HODEI_WORKER_MIN_IDLE", v.whole(0, 10_000), 0)
    worker_idle_ttl: timedelta = _setting("HODEI_WORKER_IDLE_TTL", v.duration, timedelta(minutes=5))
    worker_max_lifetime: timedelta = _setting(
        "HODEI_WORKER_MAX_LIFETIME", v.duration_from(SHORTEST_LIFE), timedelta(hours=24)
    )
    # None: as many as come in its lifetime.
    worker_max_jobs: int | None = _setting("HODEI_WORKER_MAX_JOBS", v.maybe(v.whole(1, 10**9)), None)
    # Of the providers that this machine brings along. Not set: as an operator has said.
    provider_region: str = _setting("HODEI_PROVIDER_REGION", v.words, "")
    provider_labels: Mapping[str, str] | None = _setting("HODEI_PROVIDER_LABELS", v.maybe(v.labels), None)
    provider_cost: float | None = _setting("HODEI_PROVIDER_COST", v.maybe(v.amount), None)
    worker_image: str = _setting("HODEI_WORKER_IMAGE", _taken_by(docker.image), "")
    # None: if an engine answers.
    docker_enabled: bool | None = _setting("HODEI_DOCKER_ENABLED", v.maybe(v.flag), None)
    docker_host: str = _setting("DOCKER_HOST", _taken_by(docker.engine_address), docker.DEFAULT_ADDRESS)
    # None: by the number of processors.
    docker_max_workers: int | None = _setting("HODEI_DOCKER_MAX_WORKERS", v.maybe(v.whole(1, 10_000)), None)
    docker_network: str = _setting("HODEI_DOCKER_NETWORK", _taken_by(docker.network), "bridge")
    docker_server: str = _setting("HODEI_DOCKER_SERVER", _taken_by(docker.server_address), "")
    # Read here to be refused in time. Agents take it from the environment; None: they use their own.
    spool_bytes: int | None = _setting("HODEI_SPOOL_SIZE", v.maybe(v.size), None)
    docker_user: str = _setting("HODEI_DOCKER_USER", _taken_by(docker.user), "")
    docker_require_non_root: bool = _setting("HODEI_DOCKER_REQUIRE_NON_ROOT", v.flag, False)
    k8s_enabled: bool = _setting("HODEI_K8S_ENABLED", v.flag, False)
    k8s_namespace: str = _setting("HODEI_K8S_NAMESPACE", v.words, "hodei-workers")
    k8s_kubeconfig: Path | None = _setting("HODEI_K8S_KUBECONFIG", v.maybe(v.path), None)
    fc_enabled: bool = _setting("HODEI_FC_ENABLED", v.flag, False)
    fc_kernel_path: Path | None = _setting("HODEI_FC_KERNEL_PATH", v.maybe(v.path), None)
    fc_rootfs_path: Path | None = _setting("HODEI_FC_ROOTFS_PATH", v.maybe(v.path), None)
    fc_use_jailer: bool = _setting("HODEI_FC_USE_JAILER", v.flag, False)

    @property
    def loopback(self) -> bool:
        """True if only this machine can reach the server."""
        return self.bind in LOOPBACK

    def switched_off(self, type: ProviderType) -> str:
        """The variable that keeps this machine's provider of a type out of use, "" if none does."""
        if not self.provisioning_enabled:
            return "HODEI_PROVISIONING_ENABLED"
        if type is ProviderType.BARE_METAL and not self.process_enabled:
            return "HODEI_PROCESS_ENABLED"
        off = type is ProviderType.DOCKER and self.docker_enabled is False
        return "HODEI_DOCKER_ENABLED" if off else ""


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raise SettingsError with every problem, each with its variable's name."""
    reader = v.Reader(environ)
    values: dict[str, Any] = {
        each.name: reader.read(each.metadata["names"], each.metadata["parse"], each.default)
        for each in fields(Settings)
        if "names" in each.metadata
    }
    values["data_dir"] = reader.read("HODEI_DATA_DIR", v.path, default_data_dir(environ))
    if not environ.get("HODEI_LOG_LEVEL", "").strip():  # or it is what counts
        values["log_level"] = v.rust_level(environ.get("RUST_LOG", "")) or values["log_level"]
    reader.refuse_unknown("HODEI_", OTHERS.split(), FREE_PREFIXES)
    if reader.problems:
        raise v.SettingsError(reader.problems)
    return Settings(**values, without_effect=_without_effect(environ))


def _without_effect(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is set for a provider that is not there, unless that is switched off anyway."""
    found: list[str] = []
    for prefix in MISSING_PROVIDERS:
        off = environ.get(f"{prefix}ENABLED", "").strip().lower() in v.FALSE
        given = [name for name, text in environ.items() if name.startswith(prefix) and text.strip()]
        found += [] if off else sorted(name for name in given if name not in OTHERS.split())
    return tuple(found)


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """Where the state of one machine lives unless HODEI_DATA_DIR says otherwise: the XDG data directory."""
    data_home = environ.get("XDG_DATA_HOME", "").strip()
    if data_home.startswith("/"):  # the XDG specification tells to ignore a relative path
        return Path(data_home) / "hodei"
    return Path(environ.get("HOME") or "~").expanduser() / ".local" / "share" / "hodei"
