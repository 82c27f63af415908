"""What stands before every call: who may call, how often, and how many streams at once."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import grpc
from attrs import define, field, frozen
from grpc.aio import ServicerContext
from hodei_application.admission import Admission, RateLimit
from hodei_domain.kernel.errors import HodeiError

from hodei_grpc.caller import metadata_of
from hodei_grpc.status import refusal

__all__ = ["Guard", "Guarded", "RateLimit"]

_Context = ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic for the type checker only

AGENTS = "/hodei.WorkerAgentService/"  # authenticated by one-time password and session, never by the token
NEW_JOBS = frozenset({"/hodei.JobExecutionService/QueueJob", "/hodei.SchedulerService/ScheduleJob"})


@define
class Guard(Admission):
    """Admits calls over gRPC."""

    def refuses(self, context: _Context, path: str) -> HodeiError | None:
        """Why this call must not happen, or None."""
        refused = self.refuses_peer(_who(context.peer()), brings_job=path in NEW_JOBS)
        if refused is not None or self.token is None or path.startswith(AGENTS):
            return refused
        return self.refuses_bearer(metadata_of(context).get("authorization", ""))

    @contextmanager
    def admitted(self, path: str) -> Iterator[None]:
        """Around a call that was not refused."""
        if path not in NEW_JOBS:
            yield
            return
        with self.bringing():
            yield

    def bears_token(self, context: _Context) -> bool:
        """Whether the caller is the operator: bears the token, or needs none."""
        return self.refuses_bearer(metadata_of(context).get("authorization", "")) is None


def _who(peer: str) -> str:
    """Callers on this machine are told apart by connection, others by address."""
    kind, _, place = peer.partition(":")
    if place.startswith(("127.", "[::1]", "%5B::1%5D")) or kind == "unix":
        return peer
    return f"{kind}:{place.rpartition(':')[0]}"


@frozen
class Guarded(grpc.GenericRpcHandler):
    """Handlers of a service behind a guard. Each is wrapped once; an interceptor would work at every call."""

    _inner: grpc.GenericRpcHandler
    _guard: Guard
    _wrapped: dict[str, _Handler] = field(factory=dict, init=False)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "_Handler | None":
        """The guarded handler of a method, None for a method that is not of this service."""
        path = handler_call_details.method
        if path not in self._wrapped:
            handler = self._inner.service(handler_call_details)
            if handler is None:
                return None  # not remembered: anybody can call any path
            self._wrapped[path] = _wrap(handler, self._guard, path)
        return self._wrapped[path]


def _wrap(handler: Any, guard: Guard, path: str) -> _Handler:
    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(_stream(handler.stream_stream, guard, path))
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_stream(handler.unary_stream, guard, path))
    return grpc.unary_unary_rpc_method_handler(_unary(handler.unary_unary, guard, path))


def _unary(inner: Callable[..., Any], guard: Guard, path: str) -> Callable[..., Any]:
    async def call(request: bytes, context: _Context) -> bytes:
        refused = guard.refuses(context, path)
        if refused is not None:
            await _abort(context, refused, path)
        with guard.admitted(path):
            answer: bytes = await inner(request, context)
        return answer

    return call


def _stream(inner: Callable[..., Any], guard: Guard, path: str) -> Callable[..., Any]:
    async def call(request: bytes | AsyncIterator[bytes], context: _Context) -> AsyncGenerator[bytes, None]:
        refused = guard.refuses(context, path) or guard.open_stream()
        if refused is not None:
            await _abort(context, refused, path)
        responses = inner(request, context)
        try:
            async for each in responses:
                yield each
        finally:
            guard.close_stream()
            await responses.aclose()

    return call


async def _abort(context: _Context, error: HodeiError, path: str) -> None:
    told = refusal(error, about=path)
    await context.abort(told.status, told.text, told.metadata)
