"""Get a wheel of another architecture from the package index."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

from hodei_agent_bundle.bundle import BundleUnavailable

# What wheels for Linux say of the C library they were built against; Debian's is newer than all of them.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
PATIENCE_SECONDS = 600.0


def unpack_wheel(distribution: str, machine: str, directory: Path) -> Path:
    """Download and unpack the installed version of a distribution for a machine (aarch64).

    Return the directory that its packages are in. Raise BundleUnavailable if there is no such wheel.
    """
    downloads, root = directory / "downloads", directory / "root"
    downloads.mkdir(parents=True)
    wanted = f"{distribution}=={version(distribution)}"
    platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{machine}")]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", python, "--dest", str(downloads)]
    try:
        done = subprocess.run(
            [*_pip(), "download", "--quiet", "--disable-pip-version-check", *options, *platforms, wanted],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise BundleUnavailable(f"no wheel of {wanted} for {machine}: {e}") from e
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleUnavailable(f"no wheel of {wanted} for {machine}: {last}")
    for wheel in downloads.glob("*.whl"):
        with zipfile.ZipFile(wheel) as content:
            content.extractall(root)
    return root


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip3") or shutil.which("pip")
    if program is None:
        raise BundleUnavailable("a bundle for another architecture needs pip to get wheels")
    return [program]
