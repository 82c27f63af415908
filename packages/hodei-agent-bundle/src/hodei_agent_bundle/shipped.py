"""The bundles that come with the wheel: `just bundle` puts them here, and a checkout has none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from hodei_agent_bundle.bundle import Bundle, BundleUnavailable

DIRECTORY = Path(__file__).with_name("archives")


def read_shipped(architecture: str, directory: Path = DIRECTORY) -> tuple[Bundle, str] | None:
    """The bundle and the key of the agent's sources it was built from; None if there is none."""
    try:
        noted = json.loads(_note(architecture, directory).read_text())
        archive = _archive(architecture, directory)
        if archive.stat().st_size != noted["size"]:
            return None
        bundle = Bundle(
            digest=noted["digest"], architecture=architecture, archive=archive, size=noted["size"]
        )
        return bundle, noted["agent"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ship(bundle: Bundle, agent: str, directory: Path = DIRECTORY) -> Path:
    """Put a bundle where the wheel takes it from; return its file. Raise BundleUnavailable if that fails."""
    archive, note = _archive(bundle.architecture, directory), _note(bundle.architecture, directory)
    try:
        directory.mkdir(exist_ok=True)
        note.unlink(missing_ok=True)  # first, so that what is found is never half of each
        shutil.copyfile(bundle.archive, archive)
        note.write_text(json.dumps({"digest": bundle.digest, "size": bundle.size, "agent": agent}))
    except OSError as e:
        raise BundleUnavailable(
            f"the agent bundle cannot be written to {directory}: {e.strerror or e}"
        ) from e
    return archive


def _archive(architecture: str, directory: Path) -> Path:
    return directory / f"agent-{architecture}.tar"


def _note(architecture: str, directory: Path) -> Path:
    return directory / f"agent-{architecture}.json"
