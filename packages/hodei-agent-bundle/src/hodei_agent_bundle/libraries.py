"""Which shared libraries a set of programs needs, and where they are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from hodei_agent_bundle.bundle import BundleUnavailable
from hodei_agent_bundle.elf import read_elf
from hodei_agent_bundle.interpreter import loader_settings

# A line of the loader's list: "\\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)".
LISTED = re.compile(r"^\s+(\S+) => (/.+) \(0x[0-9a-f]+\)$", re.MULTILINE)
# The C library opens these by name when it looks up hosts (before 2.34), and when a thread is cancelled.
OPENED_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")
PATIENCE_SECONDS = 60.0

Find = Callable[[str, Path], Path | None]
"""From a library's name and the file that needs it to the library, or None if it is nowhere."""


def gather(files: Iterable[Path], loader: Path, find: Find) -> dict[str, Path]:
    """All libraries that the files need, and the libraries need in turn: name → file.

    The loader is among them. Raise BundleUnavailable naming one that is missing.
    """
    found = {loader.name: loader}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        for name in read_elf(file).needed:
            if name in found:
                continue
            path = find(name, file)
            if path is None:
                raise BundleUnavailable(
                    f"the agent bundle cannot be built: {file} needs {name}, which is not found"
                )
            found[name] = path
            waiting.append(path)
    return found


def opened_by_name(libraries: dict[str, Path]) -> dict[str, Path]:
    """What the C library opens by itself, of what lies beside it."""
    beside = libraries["libc.so.6"].parent
    return {name: beside / name for name in OPENED_BY_NAME if (beside / name).exists()}


def find_on_host(loader: Path) -> Find:
    """Ask the loader, which alone knows its cache, its defaults and the paths in the file."""
    known: dict[Path, dict[str, Path]] = {}

    def find(name: str, file: Path) -> Path | None:
        if file not in known:
            done = subprocess.run(
                [loader, "--list", file],
                capture_output=True,
                text=True,
                check=False,
                env=loader_settings(),
                timeout=PATIENCE_SECONDS,
            )
            known[file] = {name: Path(path) for name, path in LISTED.findall(done.stdout)}
        return known[file].get(name)

    return find


def find_in(directories: Iterable[Path]) -> Find:
    """Look in directories, for another machine's files."""
    places = list(directories)

    def find(name: str, _: Path) -> Path | None:
        return next((place / name for place in places if (place / name).exists()), None)

    return find
