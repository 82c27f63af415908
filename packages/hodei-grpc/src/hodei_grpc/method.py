"""What an RPC is: a path and two types of message."""

from typing import Any, Generic, TypeVar

import betterproto2
from attrs import frozen

Q = TypeVar("Q", bound=betterproto2.Message)
R = TypeVar("R", bound=betterproto2.Message)


@frozen
class Method(Generic[Q, R]):
    """An RPC of the contract."""

    path: str
    """"/hodei.JobExecutionService/QueueJob", as it stands in the HTTP/2 request."""

    request: type[Q]
    response: type[R]

    @property
    def service(self) -> str:
        """The full name of the service."""
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        """The name within the service, as in the .proto file."""
        return self.path.split("/")[2]


@frozen
class Unary(Method[Q, R]):
    """One request, one response."""


@frozen
class ServerStream(Method[Q, R]):
    """One request, a stream of responses."""


@frozen
class Dialogue(Method[Q, R]):
    """A stream of requests and a stream of responses, independent of each other."""


def methods_of(service: type[object]) -> dict[str, Method[Any, Any]]:
    """Return the RPCs of a service of `hodei_grpc.methods` by their Python names, in the contract's order."""
    return {name: each for name, each in vars(service).items() if isinstance(each, Method)}
