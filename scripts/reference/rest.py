"""docs/reference/rest.md: every route of the REST API, from its OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hodei_rest.app import ROUTES
from hodei_rest.openapi import document

from reference.markdown import code, table


def page() -> str:
    """The page."""
    described = json.loads(document(ROUTES))
    groups = "\n\n".join(_group(name, described) for name in _tags(described))
    return f"""\
# REST

A server shows all of this with every field at `/docs`, and to programs at `/api/v1/openapi.json`. How to use
it is in [Use the REST API](../how-to/use-the-rest-api.md).

{groups}
"""


def _tags(described: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(operation["tags"][0] for _, _, operation in _operations(described)))


def _operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _group(name: str, described: dict[str, Any]) -> str:
    rows = sorted(
        [code(path), method.upper(), operation["summary"], _parameters(operation)]
        for path, method, operation in _operations(described)
        if operation["tags"][0] == name
    )
    return f"## {name}\n\n{table(['Path', 'Method', 'What it does', 'Parameters'], rows)}"


def _parameters(operation: dict[str, Any]) -> str:
    named = (each["name"] for each in operation.get("parameters", ()) if each["in"] != "path")
    return ", ".join(map(code, named))
