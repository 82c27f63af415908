"""What a bundle of another architecture is made from, none of it run here: Debian's Python, PyPI's wheels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hodei_agent_bundle.bundle import LOADERS, MACHINES, BundleUnavailable
from hodei_agent_bundle.completion import complete
from hodei_agent_bundle.debian import unpack
from hodei_agent_bundle.discovery import Found, Module, discover
from hodei_agent_bundle.ingredients import ASKED_FOR, Ingredients, metadata_of
from hodei_agent_bundle.libraries import find_in
from hodei_agent_bundle.wheels import unpack_wheel

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# The interpreter, its library, and what these and gRPC link to.
DEBIAN = (
    *(f"python{VERSION}-minimal", f"libpython{VERSION}-minimal", f"libpython{VERSION}-stdlib"),
    *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1"),
)
# Packages that come as shared libraries, and the distributions they are in. All others are Python alone.
COMPILED = {"grpc": "grpcio"}


def of_another_machine(architecture: str, scratch: Path) -> Ingredients:
    """Collect them; `scratch` keeps the files. Raise BundleUnavailable if something cannot be had."""
    machine = next(name for name, ours in MACHINES.items() if ours == architecture)
    found = discover()
    root = unpack(DEBIAN, architecture, scratch / "debian")
    library = root / f"usr/lib/python{VERSION}"
    wheels = {package: unpack_wheel(name, machine, scratch / name) for package, name in COMPILED.items()}
    libraries = [root / part / f"{machine}-linux-gnu" for part in ("usr/lib", "lib")]
    interpreter = root / f"usr/bin/python{VERSION}"
    moved = _moved(found, library, wheels, interpreter)
    return Ingredients(
        architecture=architecture,
        interpreter=interpreter,
        loader=_first(libraries, LOADERS[architecture]),
        modules=[*complete(moved, lambda name: _of_library(name, library)), *_build_settings(library)],
        metadata=[metadata_of(name) for name in ASKED_FOR],
        find_library=find_in(libraries),
    )


def _moved(found: Found, library: Path, wheels: dict[str, Path], interpreter: Path) -> Iterator[Module]:
    """Each module as the other machine has it: a file of the other Python, or built into it."""
    built_in = interpreter.read_bytes()
    for module in found.modules:
        top = module.name.partition(".")[0]
        if module.is_build_settings:
            continue
        if module.in_library:
            moved = _of_library(module.name, library)
        elif top in wheels:
            moved = _locate(module.name, wheels[top])
        elif module.is_extension:
            raise BundleUnavailable(f"{module.name} is compiled: it is not known where to get it from")
        else:
            moved = module
        if moved is not None:
            yield moved
        # Another release may do without one of its own sources, but not without a compiled module.
        elif module.is_extension and f"PyInit_{module.name}".encode() not in built_in:
            raise BundleUnavailable(f"{module.name} is not in the other machine's Python")
    for name in found.built_in:  # here; the other Python may have it as a file
        moved = _locate(name, library / "lib-dynload")
        if moved is not None:
            yield moved


def _of_library(name: str, library: Path) -> Module | None:
    return _locate(name, library) or _locate(name, library / "lib-dynload")


def _locate(name: str, root: Path) -> Module | None:
    path = root.joinpath(*name.split("."))
    if (path / "__init__.py").exists():
        return Module(name, path / "__init__.py", package=True)
    if path.with_name(f"{path.name}.py").exists():
        return Module(name, path.with_name(f"{path.name}.py"), package=False)
    compiled = sorted(path.parent.glob(f"{path.name}.*.so"))
    return Module(name, compiled[0], package=False) if compiled else None


def _build_settings(library: Path) -> list[Module]:
    """All of them: which one sysconfig wants, the other interpreter alone could tell."""
    files = sorted(library.glob("_sysconfigdata_*.py"))
    if not files:
        raise BundleUnavailable("the other machine's Python has no build settings for sysconfig")
    return [Module(file.stem, file, package=False) for file in files]


def _first(directories: list[Path], name: str) -> Path:
    for directory in directories:
        if (directory / name).exists():
            return directory / name
    raise BundleUnavailable(f"the other machine's C library has no {name}")
