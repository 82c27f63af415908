"""What an engine says of itself and of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from hodei_domain.kernel.values import architecture_name

MIB = 1024 * 1024
# Elsewhere an engine takes no limit for the disk of a container. overlay2 does on xfs with project quotas, of
# which it does not tell: one has to try.
_PERHAPS = ("overlay2", "xfs")
_LIMITS_DISKS = frozenset({"btrfs", "zfs", "devicemapper", "windowsfilter"})
_DESKTOPS = ("docker desktop", "orbstack", "rancher desktop")
_DESKTOP_NAMES = ("docker-desktop", "colima", "orbstack", "lima-")


@frozen(kw_only=True)
class EngineFacts:
    """An engine, as GET /info has it."""

    version: str
    architecture: str  # amd64, arm64
    cpu_cores: int
    memory_mib: int
    gpus: bool
    storage_driver: str
    operating_system: str
    backing: str = ""  # file system below the storage driver
    name: str

    @property
    def limits_disks(self) -> bool:
        """Whether it can limit the disk space of a container, or may be able to."""
        return self.storage_driver in _LIMITS_DISKS or (self.storage_driver, self.backing) == _PERHAPS

    @property
    def why_no_quota(self) -> str:
        """Why a container's disk space is not held there, in words."""
        on = f" on {self.backing}" if self.backing else ""
        return f"not held: the engine's storage driver, {self.storage_driver}{on}, has no quotas"

    @property
    def is_desktop(self) -> bool:
        """Whether it runs in a virtual machine that forwards `host.docker.internal` to this machine."""
        system = self.operating_system.lower()
        return any(each in system for each in _DESKTOPS) or self.name.lower().startswith(_DESKTOP_NAMES)


def engine_facts(info: Mapping[str, Any]) -> EngineFacts:
    """From GET /info."""
    runtimes = info.get("Runtimes") or {}
    return EngineFacts(
        version=str(info.get("ServerVersion") or "?"),
        architecture=architecture_name(str(info.get("Architecture") or "")),
        cpu_cores=int(info.get("NCPU") or 0),
        memory_mib=int(info.get("MemTotal") or 0) // MIB,
        gpus=any("nvidia" in name for name in runtimes),
        storage_driver=str(info.get("Driver") or ""),
        operating_system=str(info.get("OperatingSystem") or ""),
        backing=dict(info.get("DriverStatus") or ()).get("Backing Filesystem", ""),
        name=str(info.get("Name") or ""),
    )


def is_root(user: str) -> bool:
    """Whether this is root by its name or number; the image's accounts may call root something else."""
    name = user.partition(":")[0]
    return name in ("", "root") or (name.isdecimal() and int(name) == 0)


@frozen(kw_only=True)
class ImageFacts:
    """An image that the engine has, as GET /images/…/json has it."""

    id: str
    architecture: str
    user: str
    entrypoint: tuple[str, ...] = ()

    @property
    def names_a_user(self) -> bool:
        """Whether it is to be run as somebody other than root."""
        return not is_root(self.user)


def image_facts(document: Mapping[str, Any]) -> ImageFacts:
    """From GET /images/…/json."""
    config = document.get("Config") or {}
    return ImageFacts(
        id=str(document.get("Id") or ""),
        architecture=architecture_name(str(document.get("Architecture") or "")),
        user=str(config.get("User") or ""),
        entrypoint=tuple(map(str, config.get("Entrypoint") or ())),
    )
