"""Which modules the agent is made of."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hodei_agent_bundle.bundle import BundleUnavailable
from hodei_agent_bundle.interpreter import run_script

AGENT = "hodei_worker"
# What hodei-worker depends on. A new dependency is added here; a bundle without it would not start, and
# building it says so.
PACKAGES = (AGENT, "hodei_proto", "grpc", "betterproto2", "dateutil", "six", "typing_extensions")
# Optional to those who import them, and each would bring libraries that the agent has no use for: gRPC has
# its own TLS.
WITHOUT = (
    "ssl",
    "_ssl",
    "ctypes",
    "_ctypes",
    "_hashlib",
    "bz2",
    "_bz2",
    "lzma",
    "_lzma",
    "_uuid",
    "readline",
)
# What the standard library imports only when it is needed: threads for the executor, host names, times,
# tracebacks.
LATE = (
    "concurrent.futures.thread",
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.utf_8",
    "stringprep",
    "unicodedata",
    "traceback",
    "linecache",
    "_strptime",
    "runpy",
)


@dataclass(frozen=True, slots=True)
class Module:
    """A module and its file; `package` if it has modules below it."""

    name: str
    origin: Path
    package: bool

    @property
    def is_extension(self) -> bool:
        """True for a shared library, false for a source."""
        return self.origin.suffix == ".so"

    @property
    def in_library(self) -> bool:
        """True if it belongs to the standard library."""
        return self.name.partition(".")[0] not in PACKAGES

    @property
    def is_build_settings(self) -> bool:
        """True for what the interpreter's build left behind for sysconfig: paths of the machine it ran on."""
        return self.name.startswith("_sysconfigdata_")

    @property
    def place(self) -> PurePosixPath:
        """Where it goes, relative to the interpreter's library; sources end in .pyc there."""
        path = PurePosixPath(*self.name.split("."))
        if not self.is_extension:
            return path / "__init__.pyc" if self.package else path.with_name(f"{path.name}.pyc")
        place = path.with_name(self.origin.name)
        return PurePosixPath("lib-dynload") / place if self.in_library and len(path.parts) == 1 else place


@dataclass(frozen=True, slots=True)
class Found:
    """What the agent took: modules with a file, by name, and the names of those in the interpreter itself."""

    modules: tuple[Module, ...]
    built_in: tuple[str, ...]


def discover() -> Found:
    """Import the agent in a process of its own and list what it took.

    Raise BundleUnavailable if the agent is not installed or cannot be imported.
    """
    if importlib.util.find_spec(AGENT) is None:
        raise BundleUnavailable("the agent bundle cannot be built: hodei-worker is not installed")
    given = {
        "path": [entry for entry in sys.path if entry and Path(entry).is_absolute()],
        "packages": PACKAGES,
        "without": WITHOUT,
        "also": (f"{AGENT}.main", *LATE),
    }
    found = json.loads(run_script("probe", given))
    modules = (Module(each["name"], Path(each["origin"]), each["package"]) for each in found["modules"])
    with_file = (module for module in modules if module.origin.suffix in (".py", ".so"))
    return Found(tuple(sorted(with_file, key=lambda module: module.name)), tuple(found["built_in"]))
