"""Get packages of another architecture from Debian without telling this machine's package system about it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hodei_agent_bundle.bundle import BundleUnavailable

ARCHIVE = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The release that has each version of Python: what is compiled here must be read there.
RELEASES = {(3, 11): "bookworm", (3, 13): "trixie"}
PATIENCE_SECONDS = 600.0


def release() -> str:
    """The release with the running Python's version. Raise BundleUnavailable if there is none."""
    version = sys.version_info[:2]
    if version not in RELEASES:
        known = ", ".join(f"{major}.{minor}" for major, minor in RELEASES)
        raise BundleUnavailable(
            f"a bundle for another architecture takes its Python from Debian, which has {known}: "
            f"build it with one of these instead of {version[0]}.{version[1]}"
        )
    return RELEASES[version]


def unpack(packages: Sequence[str], architecture: str, directory: Path) -> Path:
    """Download packages, with their signatures checked by apt, and unpack them over each other.

    `directory` takes everything. Return the root of what was unpacked. Raise BundleUnavailable if that cannot
    be done.
    """
    _check_tools()
    for part in ("lists/partial", "cache/archives/partial", "debs", "root"):
        (directory / part).mkdir(parents=True)
    (directory / "status").touch()
    sources = directory / "sources.list"
    sources.write_text(f"deb [signed-by={KEYS}] {ARCHIVE} {release()} main\n")
    settings = _settings(directory, architecture, sources)
    _run(["apt-get", *settings, "update"], directory)
    names = [f"{package}:{architecture}" for package in packages]
    _run(["apt-get", *settings, "download", *names], directory / "debs")
    for deb in sorted((directory / "debs").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(deb), str(directory / "root")], directory)
    return directory / "root"


def _check_tools() -> None:
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise BundleUnavailable(
                f"a bundle for another architecture is built on Debian: {program} is needed"
            )
    if not Path(KEYS).exists():
        raise BundleUnavailable(f"{KEYS} is needed: install debian-archive-keyring")


def _settings(directory: Path, architecture: str, sources: Path) -> list[str]:
    """Settings that keep apt off this machine's own state, and in this user's reach."""
    told = {
        "Dir::State": directory,
        "Dir::State::lists": directory / "lists",
        "Dir::State::status": directory / "status",
        "Dir::Cache": directory / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    return [word for name, value in told.items() for word in ("-o", f"{name}={value}")] + ["-qq"]


def _run(command: list[str], directory: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise BundleUnavailable(f"{command[0]} failed: {e}") from e
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleUnavailable(f"{command[0]} failed: {last}")
