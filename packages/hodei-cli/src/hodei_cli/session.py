"""Calls to the server a command talks to."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import grpc
from hodei_grpc.client import CallFailed, SyncClient
from hodei_grpc.method import ServerStream, Unary

from hodei_cli.errors import NoAnswer, NoServer
from hodei_cli.options import current
from hodei_cli.server import DEFAULT_PORT, Server, asked_for, find, of_this_machine

if TYPE_CHECKING:
    import betterproto2

Q = TypeVar("Q", bound="betterproto2.Message")
R = TypeVar("R", bound="betterproto2.Message")

# Far above what any answer takes; without it, a dead network would hold a command for ever. A server that
# waits for its database says so after 30 s (HODEI_DB_CONNECTION_TIMEOUT_SECS), and that is to be heard.
ANSWER_SECONDS = 40.0


class Session:
    """A connection to one server. Raises NoServer when it is not reached and CallFailed when it refuses."""

    def __init__(self, server: Server, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.server = server
        self._answer_seconds = answer_seconds
        self._client = SyncClient(server.address, token=server.token)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection up."""
        self._client.close()

    def look_again(self) -> None:
        """Talk to another one when this one does not answer any more, if several were named or are here."""
        found = asked_for(current()) or (of_this_machine(current()) if self.server.here else None)
        if found is not None and found != self.server:
            self.close()
            self.server = found
            self._client = SyncClient(found.address, token=found.token)

    def call(self, method: Unary[Q, R], request: Q) -> R:
        """Return the answer."""
        with self._reached():
            return self._client.call(method, request, timeout=self._answer_seconds)

    def stream(self, method: ServerStream[Q, R], request: Q) -> Generator[R, None, None]:
        """Yield the answers as they come, for as long as they come."""
        with self._reached():
            yield from self._client.stream(method, request)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except CallFailed as failure:
            if lost(failure):
                silent = failure.status is grpc.StatusCode.DEADLINE_EXCEEDED
                raise (NoAnswer if silent else NoServer)(self.server.address) from failure
            raise
        except ValueError as closed:  # by another thread, which talks to another server now
            raise NoServer(self.server.address) from closed


LEAVING = "server.leaving"  # a private server whose owner is gone


def lost(failure: CallFailed) -> bool:
    """True if it was not the server that said so: it was not reached, or went away, or is just leaving."""
    if failure.code == LEAVING:
        return True
    return not failure.code and failure.status in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    )


@contextmanager
def connected() -> Iterator[Session]:
    """A session with the server that options and environment mean. Raise NoServer if there is none."""
    server = find(current())
    if server is None:
        raise NoServer(f"localhost:{DEFAULT_PORT}")
    with Session(server) as session:
        yield session


# Two messages of grpc.health.v1 as bytes, so that no generated code is loaded for them: a request with the
# service's name as its field 1, and the answer whose field 1 is SERVING.
_ASK = b"\x0a\x19hodei.JobExecutionService"
_SERVING = b"\x08\x01"


def speaks_hodei(address: str) -> bool:
    """True if a Hodei server answers health checks there."""
    with grpc.insecure_channel(address, (("grpc.enable_http_proxy", 0),)) as channel:
        try:
            check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/grpc.health.v1.Health/Check"
            )
            return check(_ASK, timeout=2) == _SERVING
        except grpc.RpcError:
            return False
