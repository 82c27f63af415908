"""What another release of the standard library imports that ours does not."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from importlib.util import resolve_name

from hodei_agent_bundle.discovery import WITHOUT, Module

Locate = Callable[[str], Module | None]


def complete(modules: Iterable[Module], locate: Locate) -> list[Module]:
    """The modules, and those of the library that they cannot be imported without.

    `locate` finds a module of the library by name. What is imported in a `try`, or late, is left out: the
    agent has shown that it needs none of it.
    """
    known = {module.name: module for module in modules}
    waiting = list(known.values())
    while waiting:
        module = waiting.pop()
        for name in _with_parents(imported_at_once(module)):
            if name in known or name.partition(".")[0] in WITHOUT:
                continue
            found = locate(name)
            if found is not None:
                known[name] = found
                waiting.append(found)
    return list(known.values())


def imported_at_once(module: Module) -> set[str]:
    """What the body of a module imports without a condition; names in a module may be modules or not."""
    if module.is_extension:
        return set()
    package = module.name if module.package else module.name.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.parse(module.origin.read_bytes()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            base = resolve_name(base, package) if node.level else base
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _with_parents(names: Iterable[str]) -> Iterator[str]:
    for name in sorted(names):
        parts = name.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
