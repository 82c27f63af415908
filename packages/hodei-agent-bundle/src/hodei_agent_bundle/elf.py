"""Read what is needed of an ELF file: its machine, its loader, the libraries it asks for."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

MAGIC = b"\x7fELF"
ARCHITECTURES = {62: "amd64", 183: "arm64"}  # e_machine: EM_X86_64, EM_AARCH64
LOAD, DYNAMIC, INTERPRETER = 1, 2, 3  # p_type
END, NEEDED, STRING_TABLE = 0, 1, 5  # d_tag
SYMBOLS = 2  # sh_type SHT_SYMTAB


@dataclass(frozen=True, slots=True)
class Elf:
    """`architecture` is as images have it, empty if it is another; `loader` is empty for a library."""

    architecture: str
    loader: str
    needed: tuple[str, ...]
    has_symbols: bool  # which a program can do without


def is_elf(path: Path) -> bool:
    """True if the file begins as an ELF file does."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def read_elf(path: Path) -> Elf:
    """Read a 64-bit little-endian file. Raise ValueError if it is none, or is damaged."""
    content = path.read_bytes()
    if content[:6] != MAGIC + b"\x02\x01":
        raise ValueError(f"{path} is no 64-bit little-endian ELF file")
    try:
        return _read(content)
    except (struct.error, IndexError, OverflowError, StopIteration) as e:
        raise ValueError(f"{path} is damaged: {e}") from e


def _read(content: bytes) -> Elf:
    (machine,) = struct.unpack_from("<H", content, 18)
    segments = _segments(content)
    loaders = [content[at : at + size] for kind, at, _, size in segments if kind == INTERPRETER]
    return Elf(
        architecture=ARCHITECTURES.get(machine, ""),
        loader=loaders[0].rstrip(b"\0").decode() if loaders else "",
        needed=_needed(content, segments),
        has_symbols=_has_symbols(content),
    )


def _segments(content: bytes) -> list[tuple[int, int, int, int]]:
    """Type, offset, address and size in the file of each program header."""
    (at,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for number in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, at + number * size)
        found.append((kind, offset, address, length))
    return found


def _needed(content: bytes, segments: list[tuple[int, int, int, int]]) -> tuple[str, ...]:
    """The libraries that the dynamic section names; none in a static program."""
    entries = []
    for kind, offset, _, length in segments:
        if kind == DYNAMIC:
            entries = [struct.unpack_from("<QQ", content, at) for at in range(offset, offset + length, 16)]
    tables = [value for tag, value in entries if tag == STRING_TABLE]
    if not tables:
        return ()
    names = next(
        tables[0] - address + offset
        for kind, offset, address, length in segments
        if kind == LOAD and address <= tables[0] < address + length
    )
    return tuple(
        content[names + value : content.index(b"\0", names + value)].decode()
        for tag, value in takewhile(lambda entry: entry[0] != END, entries)
        if tag == NEEDED
    )


def _has_symbols(content: bytes) -> bool:
    (at,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    kinds = [
        struct.unpack_from("<I", content, at + number * size + 4)[0] for number in range(count if at else 0)
    ]
    return SYMBOLS in kinds
