"""Where this machine lets us make control groups, of either version, and what their files say."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("memory", "cpu", "pids")
ACCOUNTING = "cpuacct"  # version 1 only: counts processor time, beside `cpu` or apart from it
NAME = "hodei-{pid}-{number}"  # the pid tells a later agent whose leftover it is


@dataclass(frozen=True, slots=True)
class Places:
    """The directories in which a group for each controller may be made.

    In version 2 they are all the same one.
    """

    version: int
    parents: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Own:
    """The group we are in ourselves, writable or not, as one controller has it."""

    version: int
    directory: Path


def find_own(controller: str, proc: Path = Path("/proc/self")) -> Own | None:
    """Our own group for a controller, None where there are no groups to be seen."""
    try:
        own = _own_paths((proc / "cgroup").read_text())
        mounts = _mounts((proc / "mountinfo").read_text())
    except OSError:
        return None
    for mount in mounts:
        if mount.version == 1 and controller in mount.controllers and controller in own:
            return Own(1, _below(mount, own[controller]))
    for mount in mounts:
        if mount.version == 2 and "" in own:
            return Own(2, _below(mount, own[""]))
    return None


def find_places(proc: Path = Path("/proc/self")) -> Places | None:
    """Where our own groups are, if they are of use.

    None where there are none (or only some, or read-only).
    """
    try:
        own = _own_paths((proc / "cgroup").read_text())
        mounts = _mounts((proc / "mountinfo").read_text())
    except OSError:
        return None
    return _version_1(own, mounts) or _version_2(own, mounts)


def usable(places: Places) -> bool:
    """Try: make a group in each place and remove it again. About 50 µs."""
    for parent in set(places.parents.values()):
        probe = parent / NAME.format(pid=os.getpid(), number="probe")
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError:
            return False
    return places.version == 1 or _delegate(places.parents["memory"])


def sweep(places: Places) -> None:
    """Remove the empty groups that agents left which no longer live."""
    for parent in set(places.parents.values()):
        for group in parent.glob("hodei-*-*"):
            if not Path(f"/proc/{group.name.split('-')[1]}").exists():
                with suppress(OSError):
                    group.rmdir()


def read_number(path: Path) -> int:
    """The number in a file, or 0 if there is no such file or it says something else (`max`)."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def read_fields(path: Path) -> dict[str, int]:
    """The `name number` lines of a file such as memory.events; empty if there is no such file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


@dataclass(frozen=True, slots=True)
class _Mount:
    root: str  # of the file system that is mounted, as seen from its own top
    point: Path
    version: int
    controllers: frozenset[str]


def _own_paths(text: str) -> dict[str, str]:
    """Controller → path of our group; the empty name stands for version 2."""
    paths = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            paths[name] = path
    return paths


def _mounts(text: str) -> list[_Mount]:
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if kind[0] in ("cgroup", "cgroup2"):
            version = 2 if kind[0] == "cgroup2" else 1
            found.append(_Mount(fields[3], Path(fields[4]), version, frozenset(kind[2].split(","))))
    return found


def _version_1(own: dict[str, str], mounts: list[_Mount]) -> Places | None:
    parents = {}
    for name in (*CONTROLLERS, ACCOUNTING):
        mount = next((m for m in mounts if m.version == 1 and name in m.controllers), None)
        if mount is not None and name in own:
            parents[name] = _below(mount, own[name])
    return Places(1, parents) if set(CONTROLLERS) <= set(parents) else None


def _version_2(own: dict[str, str], mounts: list[_Mount]) -> Places | None:
    mount = next((m for m in mounts if m.version == 2), None)
    if mount is None or "" not in own:
        return None
    parent = _below(mount, own[""])
    try:
        offered = (parent / "cgroup.controllers").read_text().split()
    except OSError:
        return None
    return Places(2, dict.fromkeys(CONTROLLERS, parent)) if set(CONTROLLERS) <= set(offered) else None


def _below(mount: _Mount, path: str) -> Path:
    """Our group's directory. In a container the mount shows only a part of the whole, named by its root."""
    if mount.root != "/" and (path + "/").startswith(mount.root.rstrip("/") + "/"):
        path = path[len(mount.root.rstrip("/")) :]
    directory = mount.point / path.lstrip("/")
    return directory if directory.is_dir() else mount.point


def _delegate(parent: Path) -> bool:
    """Let groups below `parent` have controllers (version 2).

    A group that has processes cannot hand controllers down, so when it is ours alone we move to a leaf first.
    A group that others share is not ours to rearrange.
    """
    control = parent / "cgroup.subtree_control"
    wanted = " ".join(f"+{name}" for name in CONTROLLERS)
    try:
        if set(CONTROLLERS) <= set(control.read_text().split()):
            return True
        if set((parent / "cgroup.procs").read_text().split()) - {str(os.getpid())}:
            return False
        leaf = parent / NAME.format(pid=os.getpid(), number="agent")
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
        control.write_text(wanted)
    except OSError:
        return False
    return True
