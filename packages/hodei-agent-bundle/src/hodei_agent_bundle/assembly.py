"""Lay out a bundle's tree from its ingredients."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from hodei_agent_bundle.bundle import LOADERS, MAIN, PYTHON, BundleUnavailable
from hodei_agent_bundle.discovery import Module
from hodei_agent_bundle.elf import read_elf
from hodei_agent_bundle.ingredients import Ingredients
from hodei_agent_bundle.interpreter import run_script
from hodei_agent_bundle.libraries import gather, opened_by_name

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
LAUNCH = Path(__file__).with_name("launch.py")
# The real one holds how and where the interpreter was built; sysconfig wants no more than the name.
NO_BUILD_SETTINGS = "build_time_vars = {}\n"


def assemble(ingredients: Ingredients, root: Path, scratch: Path) -> None:
    """Fill the empty directory `root`; `scratch` takes what is only needed meanwhile.

    Raise BundleUnavailable if something is missing.
    """
    library = root / LIBRARY
    (library / "lib-dynload").mkdir(parents=True)  # the interpreter looks for it, also where it is empty
    _copy(ingredients.interpreter, root / PYTHON)
    extensions = [module for module in ingredients.modules if module.is_extension]
    for module in extensions:
        _copy(module.origin, library / module.place)
    for metadata in ingredients.metadata:
        _copy(metadata, library / metadata.parent.name / metadata.name)
    _copy_libraries(ingredients, [ingredients.interpreter, *(module.origin for module in extensions)], root)
    _compile([module for module in ingredients.modules if not module.is_extension], root, scratch)
    strip(root)
    check_closed(root, ingredients.architecture)


def check_closed(root: Path, architecture: str) -> None:
    """Raise BundleUnavailable unless every program is for the architecture and finds its libraries."""
    for file in _elf_files(root):
        found = read_elf(file)
        if found.architecture != architecture:
            raise BundleUnavailable(f"the agent bundle is wrong: {file.name} is not for {architecture}")
        for name in found.needed:
            if not (root / "lib" / name).exists():
                raise BundleUnavailable(
                    f"the agent bundle is wrong: {file.name} needs {name}, which is not in it"
                )


def strip(root: Path) -> None:
    """Take out symbols, where this machine has what it takes; without, the bundle is larger."""
    program = shutil.which("strip")
    if program is None:
        return
    for file in _elf_files(root):
        if read_elf(file).has_symbols:
            subprocess.run([program, "--strip-unneeded", file], capture_output=True, check=False)


def _elf_files(root: Path) -> list[Path]:
    return [root / PYTHON, *sorted(path for path in (root / "lib").rglob("*") if ".so" in path.name)]


def _copy_libraries(ingredients: Ingredients, users: Iterable[Path], root: Path) -> None:
    libraries = gather(users, ingredients.loader, ingredients.find_library)
    more = opened_by_name(libraries)
    libraries = gather(more.values(), ingredients.loader, ingredients.find_library) | libraries | more
    for name, path in libraries.items():
        _copy(
            path, root / "lib" / (LOADERS[ingredients.architecture] if path == ingredients.loader else name)
        )


def _compile(modules: Iterable[Module], root: Path, scratch: Path) -> None:
    settings = scratch / "build_settings.py"
    settings.write_text(NO_BUILD_SETTINGS)
    jobs = [(str(LAUNCH), str(root / MAIN), "agent.py")]
    for module in modules:
        source = settings if module.is_build_settings else module.origin
        target = root / LIBRARY / module.place
        jobs.append((str(source), str(target), f"{LIBRARY}/{module.place.with_suffix('.py')}"))
    run_script("compiling", jobs, "-S")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)  # the file, whatever link leads to it
    target.chmod(0o755)
