"""Calls to a server: one thread's (`SyncClient`, for the command line) and asyncio's (`AioClient`).

    with SyncClient("127.0.0.1:50051", token=token) as client:
        answer = client.call(JobExecutionService.get_job, hodei.GetJobRequest(job_id=...), timeout=5)

The methods are those of `hodei_grpc.methods`; they bind the types of request and response. Nothing of the
server is imported.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

import betterproto2
import grpc
import grpc.aio

from hodei_grpc.codec import codec
from hodei_grpc.method import Dialogue, Method, ServerStream, Unary
from hodei_grpc.options import CLIENT_OPTIONS

Q = TypeVar("Q", bound=betterproto2.Message)
R = TypeVar("R", bound=betterproto2.Message)

_NONE: Mapping[str, str] = MappingProxyType({})


class CallFailed(Exception):
    """A call that ended with a status other than OK."""

    def __init__(self, status: grpc.StatusCode, message: str, code: str = "", field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        """Hodei's stable error code, such as "job.illegal-move".

        Empty when the answer is not a Hodei server's: it was not reached, or it did not answer in time.
        """
        self.field = field
        """The field the error is about, if it is about one."""

    def __str__(self) -> str:
        return f"{self.status.name}: {self.message}"


class SyncClient:
    """Calls one server over one connection, which is made at the first call. Threads may share it."""

    def __init__(
        self, address: str, *, token: str | None = None, metadata: Mapping[str, str] = _NONE
    ) -> None:
        """`address` is host:port. `metadata` goes with each call, as does the token."""
        self._channel = grpc.insecure_channel(address, CLIENT_OPTIONS)
        self._metadata = _metadata(token, metadata)
        self._calls: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Break off what is under way and give the connection up."""
        self._channel.close()

    def call(self, method: Unary[Q, R], request: Q, *, timeout: float | None = None) -> R:
        """Return the response. Raise CallFailed; DEADLINE_EXCEEDED after `timeout` seconds."""
        with _failures():
            return cast(R, self._bound(method)(request, timeout=timeout, metadata=self._metadata))

    def stream(
        self, method: ServerStream[Q, R], request: Q, *, timeout: float | None = None
    ) -> Generator[R, None, None]:
        """Yield the responses as they come; closing the generator ends the call. Raise CallFailed."""
        with _failures():
            responses = self._bound(method)(request, timeout=timeout, metadata=self._metadata)
            try:
                yield from responses
            finally:
                responses.cancel()

    def _bound(self, method: Method[Any, Any]) -> Any:
        if method.path not in self._calls:
            self._calls[method.path] = _bind(self._channel, method)
        return self._calls[method.path]


class AioClient:
    """Calls one server over one connection, which is made at the first call.

    Make and use it in one event loop.
    """

    def __init__(
        self, address: str, *, token: str | None = None, metadata: Mapping[str, str] = _NONE
    ) -> None:
        """`address` is host:port. `metadata` goes with each call, as does the token."""
        self._channel = grpc.aio.insecure_channel(address, CLIENT_OPTIONS)
        self._metadata = _metadata(token, metadata)
        self._calls: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Break off what is under way and give the connection up."""
        await self._channel.close()

    async def call(self, method: Unary[Q, R], request: Q, *, timeout: float | None = None) -> R:
        """Return the response. Raise CallFailed; DEADLINE_EXCEEDED after `timeout` seconds."""
        with _failures():
            return cast(R, await self._bound(method)(request, timeout=timeout, metadata=self._metadata))

    async def stream(
        self, method: ServerStream[Q, R], request: Q, *, timeout: float | None = None
    ) -> AsyncGenerator[R, None]:
        """Yield the responses as they come; closing the generator ends the call. Raise CallFailed."""
        with _failures():
            responses = self._bound(method)(request, timeout=timeout, metadata=self._metadata)
            try:
                async for each in responses:
                    yield each
            finally:
                responses.cancel()

    async def dialogue(
        self, method: Dialogue[Q, R], requests: AsyncIterable[Q], *, metadata: Mapping[str, str] = _NONE
    ) -> AsyncGenerator[R, None]:
        """Send what `requests` yields and yield what comes back, both at their own pace. Raise CallFailed."""
        with _failures():
            extra = self._metadata + tuple(metadata.items())
            responses = self._bound(method)(requests, metadata=extra)
            try:
                async for each in responses:
                    yield each
            finally:
                responses.cancel()

    def _bound(self, method: Method[Any, Any]) -> Any:
        if method.path not in self._calls:
            self._calls[method.path] = _bind(self._channel, method)
        return self._calls[method.path]


def _bind(channel: grpc.Channel | grpc.aio.Channel, method: Method[Any, Any]) -> Any:
    """Both kinds of channel make callables in the same way."""
    encode, decode = codec(method.request).encode, codec(method.response).decode
    if isinstance(method, Dialogue):
        return channel.stream_stream(method.path, encode, decode)
    if isinstance(method, ServerStream):
        return channel.unary_stream(method.path, encode, decode)
    return channel.unary_unary(method.path, encode, decode)


def _metadata(token: str | None, metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    bearer = () if token is None else (("authorization", f"Bearer {token}"),)
    return (*metadata.items(), *bearer)


@contextmanager
def _failures() -> Generator[None, None, None]:
    """Turn gRPC's errors, which are also calls, into plain ones."""
    try:
        yield
    except grpc.RpcError as error:
        call: Any = error
        trailing = {str(key): str(value) for key, value in call.trailing_metadata() or ()}
        raise CallFailed(
            call.code(),
            call.details() or "",
            trailing.get("hodei-error-code", ""),
            trailing.get("hodei-error-field", ""),
        ) from None
