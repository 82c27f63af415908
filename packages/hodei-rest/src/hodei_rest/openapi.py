"""The OpenAPI document, made from the routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from hodei_rest.examples import BODIES
from hodei_rest.problems import MEDIA_TYPE, Problem
from hodei_rest.schemas import logs
from hodei_rest.sessions import COOKIE

DESCRIPTION = (
    "Jobs, their output, workers and providers. Answers are plain resources; a list is an array, and its "
    "header `Link` names the next page. Errors are problem details (RFC 9457) with a stable `code`."
)

ERRORS = {
    "401": "Nobody knows who is calling.",
    "403": "The caller may not do this.",
    "422": "Something in the request cannot be taken as it is; `errors` names the fields.",
    "429": "Too often; `Retry-After` says when again.",
    "503": "Not now; the same call may succeed later.",
}
BODY_OPTIONAL = ("cancel", "retry", "drain", "terminate")
WORKER_LOGS = "/api/v1/workers/{worker_id}/logs"
JOBS, RETRY = "/api/v1/jobs", "/api/v1/jobs/{job_id}/retry"
FOUND = {
    JOBS: "The same submission made it before.",
    RETRY: "It was held, and is in the queue again.",
}
NOT_FOUND, CONFLICT = "There is no such thing.", "The present state does not allow this."


def document(routes: Sequence[ControllerRouterHandler]) -> bytes:
    """The document as JSON."""
    schema = _of_routes(routes)
    schemas = schema["components"]["schemas"]
    schemas |= _schemas(Problem, logs.LogBatch, logs.LogGap, logs.LogAttempt, logs.LogEnd)
    for struct in _requests(Struct):
        if struct.__name__ in schemas:
            schemas[struct.__name__]["additionalProperties"] = False
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    schema["paths"]["/api/v1/jobs/{job_id}/logs/live"] = {"get": _live()}
    return msgspec.json.encode(schema)


def _of_routes(routes: Sequence[ControllerRouterHandler]) -> dict[str, Any]:
    app = Litestar(
        route_handlers=[*routes],
        dependencies={"desk": Provide(lambda: None, sync_to_thread=False)},
        openapi_config=OpenAPIConfig(
            title="Hodei",
            version=version("hodei-rest"),
            description=DESCRIPTION,
            components=Components(
                security_schemes={
                    "token": SecurityScheme(type="http", scheme="bearer"),
                    "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie"),
                }
            ),
            security=[{"token": []}, {"session": []}, {}],
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
    return app.openapi_schema.to_schema()


def _requests(base: type[Struct]) -> Iterator[type[Struct]]:
    """All resources that refuse what they do not know."""
    for each in base.__subclasses__():
        if each.__module__.startswith("hodei_rest.") and each.__struct_config__.forbid_unknown_fields:
            yield each
        yield from _requests(each)


def _schemas(*types: type) -> dict[str, Any]:
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return components


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """What the routes' signatures do not say: which bodies may be left out, other answers, errors."""
    responses = operation["responses"]
    if (method, path) in BODIES:
        operation["requestBody"]["content"]["application/json"]["examples"] = BODIES[method, path]
    if path.rpartition("/")[2] in BODY_OPTIONAL:
        operation["requestBody"]["required"] = False
    if method == "post" and path in FOUND:
        responses["200"] = {**responses["201"], "description": FOUND[path]}
    if path.startswith("/health"):
        responses["503"] = {**responses["200"], "description": "It does not."}
    if "204" in responses:
        responses["204"].pop("content", None)
    responses.pop("400", None)  # the framework's own; parameters that cannot be read are 422 here
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, text in _errors_of(path, method, operation).items():
        responses.setdefault(status, {"description": text, "content": content})


def _errors_of(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    told = dict(ERRORS)
    parameters = {each["name"] for each in operation.get("parameters", ())}
    if "{" in path or parameters & {"provider", "reference"}:
        told["404"] = NOT_FOUND
    if path == WORKER_LOGS:
        told["409"] = "Nobody keeps them."
    if "If-Match" in parameters:
        told["412"] = "It was changed since it was shown."
    if method in ("post", "patch", "delete"):
        told |= {"400": "The body is not JSON.", "409": CONFLICT, "413": "The body is too large."}
    return told


def _live() -> dict[str, Any]:
    kinds = ("LogBatch", "LogGap", "LogAttempt", "LogEnd")
    frames = [{"$ref": f"#/components/schemas/{kind}"} for kind in kinds]
    parameter = {"in": "query", "required": False}
    return {
        "tags": ["Logs"],
        "summary": "Follow output over a WebSocket",
        "description": "Text frames, told apart by `type`. An ordinary request is refused.",
        "operationId": "followLogs",
        "parameters": [
            {"in": "path", "name": "job_id", "required": True, "schema": {"type": "string"}},
            parameter | {"name": "from", "schema": {"type": "string"}, "description": "ATTEMPT:SEQUENCE"},
            parameter | {"name": "tail", "schema": {"type": "integer", "minimum": 1}},
        ],
        "responses": {
            "101": {"description": "Frames", "content": {"application/json": {"schema": {"oneOf": frames}}}}
        },
    }
