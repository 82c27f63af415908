"""What a bundle is to those who use it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

PYTHON = "bin/python3"
MAIN = "agent.pyc"
# The name that each architecture's C library has its loader under, which the loader answers to.
LOADERS = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}  # as uname has it → as images have it


class BundleUnavailable(Exception):
    """There is no bundle for this architecture, and none can be built here; says why in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The agent with its interpreter, its loader and its libraries: starts in any Linux image.

    `digest` is 16 hexadecimal digits of the content and may name a volume. `architecture` is amd64 or arm64,
    as images have it. `archive` is an uncompressed tar of `size` bytes whose entries are relative to the
    bundle's root and belong to 0:0.
    """

    digest: str
    architecture: str
    archive: Path
    size: int

    def command(self, mount: str) -> tuple[str, ...]:
        """What starts the agent where the bundle lies at `mount`, an absolute path other than "/".

        The loader is started by name, since the image need not have one, and the interpreter finds its
        modules from the name it is called by. Nothing of this is in the environment, so nothing reaches jobs.
        """
        mount = mount.rstrip("/")
        if not mount.startswith("/"):
            raise ValueError("a bundle is mounted at an absolute path, and not at / itself")
        loader, python = f"{mount}/lib/{LOADERS[self.architecture]}", f"{mount}/{PYTHON}"
        return (
            *(loader, "--library-path", f"{mount}/lib", "--argv0", python),
            *(python, "-I", "-S", f"{mount}/{MAIN}"),
        )


def host_architecture() -> str:
    """This machine's architecture as images have it, or as the kernel has it where no bundle is made."""
    return MACHINES.get(platform.machine(), platform.machine())
