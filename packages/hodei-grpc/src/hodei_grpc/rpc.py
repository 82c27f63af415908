"""Services on grpc.aio: our messages in, our messages out, errors told as statuses.

Bytes are read and written here and not by gRPC, which answers bytes it cannot read with UNKNOWN and a text
about Python. So an interceptor of the server sees requests and responses as bytes.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import aclosing
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc.aio import AbortError, ServicerContext

from hodei_grpc.codec import codec
from hodei_grpc.method import Dialogue, Method, ServerStream, methods_of
from hodei_grpc.status import refusal

_Context = ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in the stubs alone


def handlers(
    service: type[object], servicer: object, *, unserved: Collection[str] = ()
) -> grpc.GenericRpcHandler:
    """Return what `grpc.aio.Server.add_generic_rpc_handlers` takes, for one service of `hodei_grpc.methods`.

    The servicer has a method for each RPC, named in snake_case: coroutines for single responses, async
    generators for streams of them, as the Protocols in `hodei_grpc.servicers` say. Of a stream the headers
    are sent before the servicer is asked, because existing peers wait for them. When the peer leaves, the
    generator is closed.

    `unserved` names RPCs that are left out on purpose; they answer UNIMPLEMENTED. Raise TypeError if any
    other is missing, so that a server does not start with half of its contract.
    """
    table = methods_of(service)
    missing = [name for name in table if name not in unserved and not callable(getattr(servicer, name, None))]
    strange = [name for name in unserved if name not in table]
    if missing or strange:
        raise TypeError(
            f"{type(servicer).__name__} does not fit {service.__name__}: missing {missing}, unknown {strange}"
        )
    served = {
        each.name: _handler(each, getattr(servicer, name))
        for name, each in table.items()
        if name not in unserved
    }
    return grpc.method_handlers_generic_handler(service_name(service), served)


def service_name(service: type[object]) -> str:
    """Return the full name of a service of `hodei_grpc.methods`."""
    return next(iter(methods_of(service).values())).service


def _handler(method: Method[Any, Any], implementation: Callable[..., Any]) -> _Handler:
    decode = codec(method.request).decode
    if isinstance(method, Dialogue):
        call = _streaming(method, implementation, lambda requests: _decoded(requests, decode))
        return grpc.stream_stream_rpc_method_handler(call)
    if isinstance(method, ServerStream):
        return grpc.unary_stream_rpc_method_handler(_streaming(method, implementation, decode))
    return grpc.unary_unary_rpc_method_handler(_unary(method, implementation))


def _unary(method: Method[Any, Any], implementation: Callable[..., Any]) -> Callable[..., Any]:
    decode, encode = codec(method.request).decode, codec(method.response).encode

    async def call(request: bytes, context: _Context) -> bytes:
        try:
            return encode(await implementation(decode(request), context))
        except AbortError:
            raise
        except Exception as error:
            return await _refuse(context, error, method)

    return call


def _streaming(
    method: Method[Any, Any], implementation: Callable[..., Any], read: Callable[[Any], Any]
) -> Callable[..., Any]:
    """`read` makes what the servicer takes of what gRPC gives: bytes, or an iterator of them."""
    encode = codec(method.response).encode

    async def call(request: Any, context: _Context) -> AsyncGenerator[bytes, None]:
        try:
            await context.send_initial_metadata(())
            # A generator that is not closed goes on until it is collected, wherever it happens to wait.
            async with aclosing(implementation(read(request), context)) as responses:
                async for each in responses:
                    yield encode(each)
        except AbortError:
            raise
        except Exception as error:
            await _refuse(context, error, method)

    return call


async def _decoded(
    requests: AsyncIterator[bytes], decode: Callable[[bytes], Any]
) -> AsyncGenerator[Any, None]:
    async for each in requests:
        yield decode(each)


async def _refuse(context: _Context, error: Exception, method: Method[Any, Any]) -> NoReturn:
    """End the call with the status of an error: grpc.aio does so by raising AbortError."""
    told = refusal(error, about=method.path)
    await context.abort(told.status, told.text, told.metadata)
