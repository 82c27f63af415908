"""What a bundle of this machine's architecture is made from: the running Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from hodei_agent_bundle.bundle import LOADERS, BundleUnavailable, host_architecture
from hodei_agent_bundle.discovery import Module, discover
from hodei_agent_bundle.elf import is_elf, read_elf
from hodei_agent_bundle.libraries import Find, find_on_host

# Generated messages ask for the version of betterproto2 when they are imported.
ASKED_FOR = ("betterproto2",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """Files of one architecture. `metadata` are the METADATA files of distributions."""

    architecture: str
    interpreter: Path
    loader: Path
    modules: Sequence[Module]
    metadata: Sequence[Path]
    find_library: Find


def of_this_machine() -> Ingredients:
    """Collect them. Raise BundleUnavailable if this machine's Python cannot be bundled."""
    interpreter = check_host()
    loader = Path(read_elf(interpreter).loader)
    return Ingredients(
        architecture=host_architecture(),
        interpreter=interpreter,
        loader=loader,
        modules=discover().modules,
        metadata=[metadata_of(name) for name in ASKED_FOR],
        find_library=find_on_host(loader),
    )


def check_host() -> Path:
    """The interpreter's file. Raise BundleUnavailable if there is no bundling it."""
    architecture = host_architecture()
    if sys.platform != "linux":
        raise BundleUnavailable("the agent bundle can only be built on Linux")
    if architecture not in LOADERS:
        raise BundleUnavailable(f"there is no agent bundle for {architecture}, only for {', '.join(LOADERS)}")
    interpreter = Path(os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable))
    if not is_elf(interpreter):
        raise BundleUnavailable(f"the agent bundle cannot be built: {interpreter} is not an ELF program")
    loader = Path(read_elf(interpreter).loader).name
    if loader != LOADERS[architecture]:
        raise BundleUnavailable(
            f"the agent bundle cannot be built from a Python for another C library than glibc: {interpreter} "
            f"is started by {loader or 'itself'}"
        )
    return interpreter


def metadata_of(name: str) -> Path:
    """The METADATA file of an installed distribution, in its .dist-info directory."""
    try:
        for file in distribution(name).files or ():
            if file.name == "METADATA" and file.parent.name.endswith(".dist-info"):
                return Path(os.fspath(file.locate()))
    except PackageNotFoundError:
        pass
    raise BundleUnavailable(f"the agent bundle cannot be built: {name} is not properly installed")
