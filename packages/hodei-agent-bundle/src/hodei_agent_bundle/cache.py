"""Bundles that were built on this machine, one file for each content."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hodei_agent_bundle.bundle import Bundle, BundleUnavailable

# Of an architecture, by last use: what servers on this machine use now, and what they used before an update.
KEPT = 3


class Cache:
    """A directory with `agent-<architecture>-<digest>.tar`, and what each was built from in `<key>.json`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, architecture: str, key: str, build: Callable[[Path], Bundle]) -> Bundle:
        """The bundle of a key, built by `build` (told the directory) if it is not there.

        Of processes that ask at the same time one builds. Raise BundleUnavailable if it cannot be built or
        stored.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with self._locked(architecture):
                bundle = self._read(architecture, key)
                if bundle is None:
                    bundle = build(self._directory)
                    self._write(key, bundle)
                    self._prune(architecture)
                return bundle
        except OSError as e:
            text = f"the agent bundle cannot be kept in {self._directory}: {e.strerror or e}"
            raise BundleUnavailable(text) from e

    @contextmanager
    def _locked(self, architecture: str) -> Iterator[None]:
        # The lock dies with its holder, so a builder that was killed leaves nobody waiting.
        file = os.open(self._directory / f"{architecture}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _read(self, architecture: str, key: str) -> Bundle | None:
        """None unless the archive is there and of the size that was noted."""
        note = self._note(architecture, key)
        try:
            noted = json.loads(note.read_text())
            archive = self._directory / f"agent-{architecture}-{noted['digest']}.tar"
            if archive.stat().st_size != noted["size"]:
                return None
            for file in (archive, note):
                os.utime(file)  # used now, for `_prune`
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Bundle(digest=noted["digest"], architecture=architecture, archive=archive, size=noted["size"])

    def _write(self, key: str, bundle: Bundle) -> None:
        note = self._note(bundle.architecture, key)
        fresh = note.with_suffix(".new")
        fresh.write_text(json.dumps({"digest": bundle.digest, "size": bundle.size}))
        fresh.replace(note)

    def _prune(self, architecture: str) -> None:
        for pattern in (f"agent-{architecture}-*.tar", f"key-{architecture}-*.json"):
            files = sorted(self._directory.glob(pattern), key=lambda path: path.stat().st_mtime)
            for old in files[:-KEPT]:
                with suppress(OSError):
                    old.unlink()

    def _note(self, architecture: str, key: str) -> Path:
        return self._directory / f"key-{architecture}-{key}.json"
