"""What stands before every call: who may call, how often, and how many streams at once."""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeAlias

import grpc
from attrs import define, field, frozen
from grpc.aio import ServicerContext
from hodei_domain.kernel.errors import Exhausted, HodeiError, Kind, Unauthenticated, Unavailable

from hodei_grpc.caller import metadata_of
from hodei_grpc.status import refusal

_Context = ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic for the type checker only

AGENTS = "/hodei.WorkerAgentService/"  # authenticated by one-time password and session, never by the token
NEW_JOBS = frozenset({"/hodei.JobExecutionService/QueueJob", "/hodei.SchedulerService/ScheduleJob"})
BURST = 2.0  # seconds' worth of calls that a quiet peer may make at once
PEERS = 10_000  # how many peers are remembered


class RateExceeded(Exhausted):
    """This peer calls more often than the server allows."""

    kind: ClassVar[Kind] = Kind.EXHAUSTED
    code: ClassVar[str] = "rate-exceeded"


class ServerLeaving(Unavailable):
    """This server is about to stop and takes no new jobs; another one will."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    code: ClassVar[str] = "server.leaving"


class TooManyStreams(Exhausted):
    """The server holds as many streams as it is set to."""

    kind: ClassVar[Kind] = Kind.EXHAUSTED
    code: ClassVar[str] = "too-many-streams"


@define
class RateLimit:
    """A bucket of calls per peer, refilled steadily."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(
        factory=dict, init=False
    )  # calls left, and when that was

    def take(self, peer: str) -> bool:
        """Whether the peer may call once more now."""
        now = self.clock()
        most = self.per_second * BURST
        left, since = self._buckets.pop(peer, (most, now))
        left = min(most, left + (now - since) * self.per_second)
        allowed = left >= 1
        # The newest is put last, so that the first is the one that was quiet for the longest.
        self._buckets[peer] = (left - 1 if allowed else left, now)
        if len(self._buckets) > PEERS:
            del self._buckets[next(iter(self._buckets))]
        return allowed


@define
class Guard:
    """Admits calls. `token` is what callers must bear; None admits anybody (development mode on loopback).

    While it is `leaving`, no new jobs are admitted.
    """

    token: str | None
    rate: RateLimit
    max_streams: int
    leaving: bool = field(default=False, init=False)
    _bringing: set[asyncio.Task[Any]] = field(factory=set, init=False)
    _streams: int = field(default=0, init=False)

    def refuses(self, context: _Context, path: str) -> HodeiError | None:
        """Why this call must not happen, or None."""
        if not self.rate.take(_who(context.peer())):
            return RateExceeded(
                f"more than {self.rate.per_second:g} calls a second; HODEI_RATE_LIMIT sets it"
            )
        if self.leaving and path in NEW_JOBS:
            return ServerLeaving("this server is about to leave; look for another one, or start it")
        if self.token is None or path.startswith(AGENTS):
            return None
        return self._refuses_bearer(metadata_of(context).get("authorization", ""))

    def _refuses_bearer(self, header: str) -> Unauthenticated | None:
        scheme, _, token = header.partition(" ")
        if not header:
            return Unauthenticated("this server wants `authorization: Bearer <token>`")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            token.strip().encode(), (self.token or "").encode()
        ):
            return Unauthenticated("the token is not this server's")
        return None

    async def leave(self) -> None:
        """Admit no new jobs from now on; return when those that were being brought are in the queue."""
        self.leaving = True
        if self._bringing:
            await asyncio.wait(self._bringing)

    @contextmanager
    def admitted(self, path: str) -> Iterator[None]:
        """Around a call that was not refused."""
        task = asyncio.current_task()
        if path not in NEW_JOBS or task is None:
            yield
            return
        self._bringing.add(task)
        try:
            yield
        finally:
            self._bringing.discard(task)

    def bears_token(self, context: _Context) -> bool:
        """Whether the caller is the operator: bears the token, or needs none."""
        header = metadata_of(context).get("authorization", "")
        return self.token is None or self._refuses_bearer(header) is None

    def open_stream(self) -> TooManyStreams | None:
        """Count a stream in; each one that is not refused must be counted out with close_stream()."""
        if self._streams >= self.max_streams:
            return TooManyStreams(f"{self.max_streams} streams are open; HODEI_MAX_STREAMS sets the limit")
        self._streams += 1
        return None

    def close_stream(self) -> None:
        """Count a stream out."""
        self._streams -= 1


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
