"""docs/reference/errors.md: every error a caller may see, from the classes themselves."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import hodei_application
import hodei_domain
import hodei_grpc
import hodei_infrastructure
import hodei_rest
from hodei_cli.exits import BY_STATUS
from hodei_domain.kernel.errors import AlreadyExists, HodeiError, Kind
from hodei_grpc.status import STATUS

from reference.markdown import code, purpose, table

PACKAGES = (hodei_domain, hodei_application, hodei_infrastructure, hodei_grpc, hodei_rest)
# Tests' own parts need what only developers install.
LEFT_OUT = ("hodei_domain.testing", "hodei_infrastructure.migrations")
NOT_TO_BE_IMPORTED = ".__main__"  # it runs


def page() -> str:
    """The page."""
    kinds = ([each.value, code(STATUS[each].name), _exit(STATUS[each].name)] for each in Kind)
    found = sorted(_errors(), key=lambda each: each.code)
    rows = ([code(each.code), each.kind.value, code(_status(each)), purpose(each)] for each in found)
    return f"""\
# Errors

A call that is refused ends with a gRPC status and a text for people. The trailing metadata `hodei-error-code`
has a stable code that programs may match, and `hodei-error-field` names the field it is about.

## Kinds

The exit status is the one that `hodei` ends with.

{table(["Kind", "gRPC status", "Exit status"], kinds)}

What already exists with other content has the status `ALREADY_EXISTS`. Anything else that goes wrong in a
server is a bug: the status is `INTERNAL`, the exit status 70, and the server's log has the details under
the id in the text.

## Codes

{table(["Code", "Kind", "gRPC status", "Meaning"], rows)}
"""


def _exit(status: str) -> str:
    return str(int(BY_STATUS[status]))


def _status(error: type[HodeiError]) -> str:
    return "ALREADY_EXISTS" if issubclass(error, AlreadyExists) else STATUS[error.kind].name


def _errors() -> Iterator[type[HodeiError]]:
    """One class for each code: the one that introduces it."""
    for package in PACKAGES:
        _import_all(package)
    seen: set[str] = set()
    waiting: list[type[HodeiError]] = [HodeiError]
    while waiting:
        error = waiting.pop(0)
        waiting += sorted(error.__subclasses__(), key=lambda each: each.__qualname__)
        found = getattr(error, "code", "")
        if found and found not in seen:
            seen.add(found)
            yield error


def _import_all(package: ModuleType) -> None:
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not each.name.startswith(LEFT_OUT) and not each.name.endswith(NOT_TO_BE_IMPORTED):
            importlib.import_module(each.name)
