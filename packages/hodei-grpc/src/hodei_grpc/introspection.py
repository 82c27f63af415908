"""What a server tells of itself: its contract by reflection, its state by health checks."""

from collections.abc import Collection
from typing import Any

import grpc.aio
from attrs import frozen
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from hodei_grpc.descriptors import contract_files

_ALPHA: str = reflection.SERVICE_NAME
_STABLE: str = _ALPHA.replace("v1alpha", "v1")


def add_reflection(server: grpc.aio.Server, services: Collection[str]) -> None:
    """Answer reflection for the named services, itself and the health service, before the server is started.

    grpcio-reflection knows version v1alpha alone, while newer clients ask for v1 first, some for nothing
    else. The two differ in their name only, so one servicer answers to both.
    """
    names = [*services, health.SERVICE_NAME, _ALPHA, _STABLE]
    servicer = reflection.aio.ReflectionServicer(names, pool=_pool())
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_STABLE, {"ServerReflectionInfo": handler}),)
    )


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    alpha = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    # Name, package and every reference to it say "v1alpha"; as text they are changed all at once.
    stable = text_format.Parse(
        text_format.MessageToString(alpha).replace("v1alpha", "v1"), FileDescriptorProto()
    )
    for file in (*contract_files().file, alpha, stable):
        pool.AddSerializedFile(file.SerializeToString())
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    return pool


@frozen
class Health:
    """Answers grpc.health.v1 for the server as a whole ("") and for each service by name."""

    _servicer: Any

    async def serve(self, services: Collection[str]) -> None:
        """Say SERVING for each of the services. The server as a whole says it from the start."""
        for each in services:
            await self._servicer.set(each, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Say NOT_SERVING for all, for ever, so that balancers look elsewhere while calls end."""
        await self._servicer.enter_graceful_shutdown()


def add_health(server: grpc.aio.Server) -> Health:
    """Answer health checks, before the server is started."""
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return Health(servicer)
