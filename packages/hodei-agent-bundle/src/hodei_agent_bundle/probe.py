"""Imports the agent and tells which modules that took. A script for a fresh interpreter.

Standard input: {"path": where to look besides, "packages": which packages may be used, "without": which parts
of the standard library may not, "also": what is imported late}. Standard output: {"modules": name, origin and
whether it is a package of each that has a file, "built_in": the names of those that are in the interpreter}.
"""

from __future__ import annotations

import ast
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LIBRARY = frozenset(sys.stdlib_module_names)


class Fence:
    """Finds nothing outside the packages that may be used: what is optional to them stays out."""

    def __init__(self, packages: Sequence[str], without: Sequence[str]) -> None:
        self._packages = frozenset(packages)
        self._without = frozenset(without)

    def lets(self, name: str) -> bool:
        """True if a module of this name may be in the bundle."""
        top = name.partition(".")[0]
        return (top in LIBRARY or top in self._packages) and top not in self._without

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Called before the real finders. Raise ModuleNotFoundError for what may not be found."""
        if not self.lets(name) and not name.startswith("_sysconfigdata_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    given = json.load(sys.stdin)
    sys.path += [entry for entry in given["path"] if entry not in sys.path]
    fence = Fence(given["packages"], given["without"])
    for name in [name for name in sys.modules if name.partition(".")[0] in given["without"]]:
        del sys.modules[name]
    sys.meta_path.insert(0, fence)
    for name in given["also"]:
        importlib.import_module(name)
    for module in [m for name, m in list(sys.modules.items()) if name.partition(".")[0] in given["packages"]]:
        for name in late_imports(module):
            if fence.lets(name):
                try_import(name)
    modules = list(used(fence))
    built_in = sorted(name for name in sys.modules if name in sys.builtin_module_names)
    json.dump({"modules": modules, "built_in": built_in}, sys.stdout)


def used(fence: Fence) -> Iterator[dict[str, object]]:
    """The modules that have a file, each once.

    Those frozen into the interpreter have one too, and it finds its library by the one of `os`.
    """
    seen: set[str] = set()
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        file = getattr(module, "__file__", None)
        if spec is None or not file or spec.name.startswith("_frozen_"):  # the import system itself
            continue
        if name != spec.name:
            yield from replaced(name, seen)
        if spec.name not in seen and (fence.lets(spec.name) or spec.name.startswith("_sysconfigdata_")):
            seen.add(spec.name)
            yield told(spec.name, file, spec)


def replaced(name: str, seen: set[str]) -> Iterator[dict[str, object]]:
    """A module that put another one into its place, as collections.abc does since Python 3.13.

    Its own file is imported all the same; os.path and the like have none.
    """
    parent = sys.modules.get(name.rpartition(".")[0])
    spec = PathFinder.find_spec(name, getattr(parent, "__path__", []))
    if spec is not None and spec.origin and name not in seen:
        seen.add(name)
        yield told(name, spec.origin, spec)


def told(name: str, file: str, spec: ModuleSpec) -> dict[str, object]:
    return {"name": name, "origin": file, "package": spec.submodule_search_locations is not None}


def late_imports(module: ModuleType) -> Iterator[str]:
    """What the functions of a module import when they are called."""
    origin = getattr(module, "__file__", None)
    if not origin or not origin.endswith(".py"):
        return
    with open(origin, "rb") as file:
        tree = ast.parse(file.read())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def try_import(name: str) -> None:
    """What a function imports may be something that this system has not, or no module at all."""
    with suppress(ImportError):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
