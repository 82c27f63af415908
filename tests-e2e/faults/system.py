"""The whole platform: a database, replicas, workers as processes; each behind a proxy where it talks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from hodei_infrastructure.files import write_once

from faults.clock import Clocks, wall_clocks
from faults.database import Database, database
from faults.processes import marked, send
from faults.proxy import tcp_proxy
from faults.replica import Replica

WORKERS = 8


class System:
    """What a test breaks and looks at."""

    def __init__(self, place: Path, database: Database, replicas: list[Replica], doors: str) -> None:
        self.place = place
        self.database = database
        self.replicas = replicas
        self.doors = doors  # as workers are told of them

    @property
    def token(self) -> str:
        """Of all replicas."""
        path = self.place / "data" / "token"
        return path.read_text().strip() if path.exists() else ""  # in development mode there is none

    def agents(self) -> dict[str, int]:
        """The workers that are alive, each with its agent's process."""
        return {id: pid for data in {r.data for r in self.replicas} for id, pid in agents(data).items()}

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself, past the proxy."""
        async with await psycopg.AsyncConnection.connect(self.database.direct, autocommit=True) as connection:
            return await (await connection.execute(query.encode(), values or None)).fetchall()

    def words(self) -> str:
        """The end of what servers and agents had to say, for a test that fails."""
        servers = [(log, 4000) for log in sorted(self.place.glob("*.log"))]
        of_agents = [(log, 1000) for log in sorted(self.place.glob("data*/workers/*.log"))]
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-most:]}" for log, most in servers + of_agents
        )


def agents(data: Path) -> dict[str, int]:
    """The workers of one data directory that are alive, each with its agent's process."""
    found = {}
    for marker in (data / "workers").glob("*.json"):
        try:
            pid = json.loads(marker.read_text()).get("pid")
        except (OSError, ValueError):  # just being written or removed
            continue
        if pid and Path(f"/proc/{pid}").exists():
            found[marker.stem] = int(pid)
    return found


def _environment(place: Path, url: str, settings: Mapping[str, str]) -> dict[str, str]:
    around = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_") and k != "DATABASE_URL"}
    around.pop("PYTHONDONTWRITEBYTECODE", None)  # each worker would compile its imports again
    ours = {
        "HODEI_DATABASE_URL": url,
        "HODEI_DATA_DIR": str(place / "data"),
        "HODEI_DOCKER_ENABLED": "0",
        "HODEI_PROCESS_MAX_WORKERS": str(WORKERS),
        "HODEI_RATE_LIMIT": "100000",
        "HODEI_LOG_LEVEL": "info",
    }
    return {**around, **ours, **settings}


def _share_token(places: Sequence[Path]) -> None:
    token = secrets.token_urlsafe(32)
    for place in places:
        place.mkdir(mode=0o700)
        write_once(place / "token", token)


@asynccontextmanager
async def system(
    count: int = 2,
    settings: Mapping[str, str] | None = None,
    *,
    doors: Sequence[int] | None = None,
    sources: Sequence[Path] = (),
    start: bool = True,
    machines: bool = False,
    clocks: bool = False,
) -> AsyncIterator[System]:
    """`count` replicas that serve; workers are told of those that `doors` numbers, or of all. `sources` are
    directories of packages that come before the installed ones. Without `start` the caller starts them. With
    `machines` each replica has a data directory of its own, as on a machine of its own, with the same token.
    With `clocks` the wall clocks of servers and database can be set, where there is a compiler.

    At the end nothing of it is left, whatever happened.
    """
    place = Path(tempfile.mkdtemp(prefix="hodei-faults-", dir="/tmp"))  # short: sockets lie in it
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        walls = stack.enter_context(wall_clocks()) if clocks else Clocks(place, None)
        found = await stack.enter_async_context(database(place / "pg", walls.make("database")))
        environment = _environment(place, found.url, settings or {})
        places = [place / (f"data-{n}" if machines and n else "data") for n in range(count)]
        replicas = [
            Replica(f"server-{n}", environment, place / f"server-{n}.log", data)
            for n, data in enumerate(places)
        ]
        if machines:
            _share_token(places)
        told = []
        for number, replica in enumerate(replicas):
            replica.proxy, port = await stack.enter_async_context(tcp_proxy(lambda r=replica: r.port))  # type: ignore[misc]
            if doors is None or number in doors:
                told.append(f"127.0.0.1:{port}")
        for replica in replicas:
            if environment.get("HODEI_PROVISIONING_ENABLED") != "0":
                replica.advertise(",".join(told))
            replica.use(*sources)
            replica.live_by(walls.make(replica.name))
        if environment["HODEI_DOCKER_ENABLED"] == "1":
            stack.callback(_remove_containers, {replica.data for replica in replicas})
        stack.push_async_callback(_end, place, replicas)
        for replica in replicas if start else ():
            await replica.start()
        yield System(place, found, replicas, ",".join(told))


def _remove_containers(places: Iterable[Path]) -> None:
    """What a test that failed has left on the engine."""
    for data in places:
        try:
            label = f"label=hodei.installation={(data / 'installation').read_text().strip()}"
        except OSError:
            continue  # no server came so far
        listed = subprocess.run(
            ("docker", "ps", "-aq", "--filter", label), capture_output=True, timeout=30, check=False
        )
        left = listed.stdout.decode().split()
        if left:
            command = ("docker", "rm", "-f", "-v", *left)
            subprocess.run(command, capture_output=True, timeout=60, check=False)


async def _end(place: Path, replicas: list[Replica]) -> None:
    for replica in replicas:
        if replica.runs:
            await replica.kill()
    # Agents first, or they would tell each other of the ends of their jobs; then whatever is left of jobs.
    for data in {replica.data for replica in replicas}:
        send(signal.SIGKILL, *marked(f"={data}/workers"))
    send(signal.SIGKILL, *marked(f"={place}"))
