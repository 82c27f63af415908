"""The name of this process among replicas. Others on this machine can tell by it that the process is gone."""

from __future__ import annotations

import os
from pathlib import Path
from platform import node

from hodei_infrastructure.process import proc


def replica_name() -> str:
    """Machine, where its process ids are valid, process id, and when that process began."""
    ours = proc.look_at(os.getpid())
    return f"{node()}:{_validity()}:{os.getpid()}:{ours.start if ours else 0}"


def has_died(name: str) -> bool:
    """Whether the process of that name is certainly gone. False for those of other machines and containers,
    of which nothing is known here, and for names of another kind.
    """
    parts = name.rsplit(":", 3)
    if len(parts) < 4 or parts[1] != _validity() or not parts[2].isdecimal() or not parts[3].isdecimal():
        return False
    process, begun = parts[2:]
    found = proc.look_at(int(process))
    return found is None or found.ended or found.start != int(begun)


def _validity() -> str:
    """One text for all processes that count in the same process ids since the same start of the machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # nothing can be told then
        return f"unknown/{os.getpid()}"
