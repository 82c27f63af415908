"""Tar archives for the engine to unpack in a container."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

from attrs import frozen


@frozen(kw_only=True)
class Entry:
    """A directory, or a file if it has a content. It belongs to root."""

    name: str
    mode: int
    content: bytes | None = None


def archive(entries: Iterable[Entry]) -> bytes:
    """An archive of these, in this order."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            about = tarfile.TarInfo(entry.name)
            about.mode = entry.mode
            if entry.content is None:
                about.type = tarfile.DIRTYPE
                tar.addfile(about)
            else:
                about.size = len(entry.content)
                tar.addfile(about, io.BytesIO(entry.content))
    return packed.getvalue()


def content_of(packed: bytes) -> bytes | None:
    """The content of the one file in an archive; None if that is a link, a directory …"""
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        first = tar.next()
        file = tar.extractfile(first) if first is not None and first.isfile() else None
        return file.read() if file is not None else None
