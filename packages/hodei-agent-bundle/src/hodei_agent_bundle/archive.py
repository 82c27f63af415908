"""One file out of a tree, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

DIGEST_DIGITS = 16
EXECUTABLE = ("bin/", "lib/ld-")


def write_archive(root: Path, archive: Path) -> None:
    """Pack what is below `root`, sorted, with the same times, owner and modes wherever it is done."""
    with archive.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted(root.rglob("*")):
                _add(tar, path, path.relative_to(root).as_posix())
        file.flush()
        os.fsync(file.fileno())


def digest_of(archive: Path) -> str:
    """The first hexadecimal digits of the SHA-256 of a file."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_DIGITS]


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755
    if path.is_dir():
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
        return
    entry.size = path.stat().st_size
    if not name.startswith(EXECUTABLE):
        entry.mode = 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)
