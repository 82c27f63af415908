"""Build a bundle's archive and see that it starts."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from hodei_agent_bundle.archive import digest_of, write_archive
from hodei_agent_bundle.assembly import assemble
from hodei_agent_bundle.bundle import Bundle, BundleUnavailable, host_architecture
from hodei_agent_bundle.ingredients import Ingredients

PATIENCE_SECONDS = 60.0


def build_archive(ingredients: Ingredients, directory: Path) -> Bundle:
    """Build in a temporary directory below `directory`; leave `agent-<architecture>-<digest>.tar` there.

    Another process may do the same at the same time. Raise BundleUnavailable if it cannot be done.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as place:
            return _build(ingredients, Path(place), directory)
    except OSError as e:
        raise BundleUnavailable(f"the agent bundle cannot be built in {directory}: {e.strerror or e}") from e


def _build(ingredients: Ingredients, place: Path, directory: Path) -> Bundle:
    root, scratch, archive = place / "root", place / "scratch", place / "agent.tar"
    root.mkdir()
    scratch.mkdir()
    assemble(ingredients, root, scratch)
    write_archive(root, archive)
    digest = digest_of(archive)
    bundle = Bundle(
        digest=digest,
        architecture=ingredients.architecture,
        archive=directory / f"agent-{ingredients.architecture}-{digest}.tar",
        size=archive.stat().st_size,
    )
    if ingredients.architecture == host_architecture():
        _try(bundle, root)
    archive.chmod(0o644)
    archive.replace(bundle.archive)
    return bundle


def _try(bundle: Bundle, root: Path) -> None:
    """Start it with nothing around it. Raise BundleUnavailable with its words if it does not."""
    with suppress(
        PermissionError
    ):  # nothing may be executed in this directory: it says nothing of the bundle
        done = subprocess.run(
            [*bundle.command(str(root)), "--version"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={},
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise BundleUnavailable(f"the agent bundle was built and does not start: {last}")
