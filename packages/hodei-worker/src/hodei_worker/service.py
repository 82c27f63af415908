"""The control plane's service for agents, as calls."""

from __future__ import annotations

import betterproto2
import grpc.aio
from hodei_proto.wire import hodei as wire

SESSION = "x-hodei-session"
_SERVICE = "/hodei.WorkerAgentService/"
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a script may be larger than gRPC's 4 MiB
CALL_SECONDS = 10.0

OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # Find out within 30 s that the other side has gone without a word; the server permits it.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    # Channels of one process share connections, and their backoff of up to two minutes. Ours is in `backoff`.
    ("grpc.use_local_subchannel_pool", 1),
)

WorkerStream = grpc.aio.StreamStreamCall[wire.WorkerMessage, wire.ServerMessage]


class WorkerService:
    """One connection. Every call raises grpc.RpcError."""

    def __init__(self, server: str) -> None:
        self._channel = grpc.aio.insecure_channel(server, options=OPTIONS)

    async def register(
        self, request: wire.RegisterWorkerRequest, seconds: float = CALL_SECONDS
    ) -> wire.RegisterWorkerResponse:
        """Trade the one-time password, or a session, for a session."""
        call = self._channel.unary_unary(
            _SERVICE + "Register",
            request_serializer=_encode,
            response_deserializer=wire.RegisterWorkerResponse.parse,
        )
        return await call(request, timeout=seconds)

    async def unregister(
        self, request: wire.UnregisterWorkerRequest, session_id: str
    ) -> wire.UnregisterWorkerResponse:
        """Leave for good."""
        call = self._channel.unary_unary(
            _SERVICE + "UnregisterWorker",
            request_serializer=_encode,
            response_deserializer=wire.UnregisterWorkerResponse.parse,
        )
        return await call(request, timeout=CALL_SECONDS, metadata=((SESSION, session_id),))

    def stream(self, session_id: str) -> WorkerStream:
        """Open the worker's stream."""
        call: grpc.aio.StreamStreamMultiCallable[wire.WorkerMessage, wire.ServerMessage]
        call = self._channel.stream_stream(
            _SERVICE + "WorkerStream",
            request_serializer=_encode,
            response_deserializer=wire.ServerMessage.parse,
        )
        return call(metadata=((SESSION, session_id),))

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


def _encode(message: betterproto2.Message) -> bytes:
    return bytes(message)
