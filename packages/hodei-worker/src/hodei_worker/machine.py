"""What this machine, or the container around us, has to offer."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from hodei_worker import cgroups


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Offered to jobs, and told at registration."""

    hostname: str
    address: str
    system: str
    architecture: str
    cpu_cores: float
    memory_bytes: int
    disk_bytes: int


def look_at_machine(directory: Path) -> Machine:
    """Measure; `directory` is where jobs' files will be. Never raises. About a millisecond."""
    return Machine(
        hostname=socket.gethostname(),
        address=_address(),
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu_cores=float(len(os.sched_getaffinity(0))),
        memory_bytes=_memory(),
        disk_bytes=_disk(directory),
    )


def _address() -> str:
    """The address we would go out with. Connecting a datagram socket sends nothing."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # kept for documentation: nobody is there
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _memory() -> int:
    """The machine's memory, or the limit of our control group if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    places = cgroups.find_places()
    if places is None:
        return total
    group = places.parents["memory"]
    file = "memory.max" if places.version == 2 else "memory.limit_in_bytes"
    limit = cgroups.read_number(group / file)
    return min(total, limit) if limit > 0 else total


def _disk(directory: Path) -> int:
    """Free space where jobs will write; of the nearest directory above that exists already."""
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return 0
