"""Parameters of a query: which ones an address takes, and a refusal of all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hodei_domain.kernel.errors import InvalidInput
from litestar import Litestar, Request
from litestar.routes import HTTPRoute

PREFIX = "/api/"
"""Whoever asks for health or for the dashboard's files may add what they like."""


def parameters_of(app: Litestar) -> dict[str, frozenset[str]]:
    """The names that each handler takes from a query, by the handler's own."""
    found: dict[str, frozenset[str]] = {}
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or not route.path.startswith(PREFIX):
            continue
        for handler in route.route_handlers:
            model = handler.create_kwargs_model(path_parameters=route.path_parameters)
            names = frozenset(each.field_alias for each in model.expected_query_params)
            found[str(handler)] = found.get(str(handler), frozenset()) | names
    return found


def refuse_unknown(request: Request[Any, Any, Any], known: Mapping[str, frozenset[str]]) -> None:
    """Raise InvalidInput for what this address does not take: a filter that does nothing misleads."""
    taken = known.get(str(request.route_handler))
    if taken is None:
        return
    for name in request.query_params:
        if name not in taken:
            there_are = f"it takes {', '.join(sorted(taken))}" if taken else "it takes none"
            raise InvalidInput(f"is no parameter of this address; {there_are}", field=name)
