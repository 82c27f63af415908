"""Name what a bundle would be built from, without building it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hodei_agent_bundle.bundle import BundleUnavailable
from hodei_agent_bundle.discovery import AGENT

OWN = (AGENT, "hodei_proto")  # compared by content: a checkout changes without a new version
OTHERS = ("grpcio", "betterproto2", "python-dateutil", "typing-extensions")
KEY_DIGITS = 16


def agent_key() -> str:
    """A digest of the agent's sources as installed, and of how they are packed.

    Raise BundleUnavailable if it is not installed.
    """
    digest = hashlib.sha256()
    for name in OWN:
        _add_package(digest, _directory_of(name))
    _add_package(digest, Path(__file__).parent)
    return digest.hexdigest()[:KEY_DIGITS]


def build_key() -> str:
    """A digest of all that goes into a bundle which is built here: the agent, its packages, Python, how."""
    digest = hashlib.sha256(agent_key().encode())
    interpreter = Path(os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable))
    stat = interpreter.stat()
    facts = [
        sys.version,
        str(interpreter),
        str(stat.st_size),
        str(stat.st_mtime_ns),
        str(shutil.which("strip")),
    ]
    facts += [f"{name} {_version(name)}" for name in OTHERS]
    digest.update("\n".join(facts).encode())
    return digest.hexdigest()[:KEY_DIGITS]


def _add_package(digest: hashlib._Hash, directory: Path) -> None:
    for source in sorted(directory.rglob("*.py")):
        digest.update(f"{source.relative_to(directory)}\0".encode())
        digest.update(hashlib.sha256(source.read_bytes()).digest())


def _directory_of(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        distribution = name.replace("_", "-")
        raise BundleUnavailable(f"the agent bundle cannot be built: {distribution} is not installed")
    return Path(spec.submodule_search_locations[0])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"
