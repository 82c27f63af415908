"""Settings of the HTTP/2 transport, the two sides of which must fit each other."""

from typing import Final

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""What both sides take, agents too; gRPC's own limit is 4 MiB. `hodei_domain.jobs.order` has the same number
and derives from it how large a job may be; clients import nothing of the domain.
"""

MAX_REQUEST_BYTES: Final = 2 * MAX_MESSAGE_BYTES
"""What the server takes: a job that is too large should come to where it is said what is too large."""

KEEPALIVE_MS: Final = 20_000
"""How often each side asks whether the other is there, on a connection with a call but without traffic."""

ANSWER_MS: Final = 10_000
"""How long the answer to that may take; then the other side is given up."""

_BOTH: Final = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", ANSWER_MS),
    ("grpc.http2.ping_timeout_ms", ANSWER_MS),  # the one that counts: the question is a ping; else a minute
    # A stream may be silent for as long as it likes: do not stop asking after two questions.
    ("grpc.http2.max_pings_without_data", 0),
)

SERVER_OPTIONS: Final = (
    *_BOTH,
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # With it, a second server would bind the same port and silently take half of the connections.
    ("grpc.so_reuseport", 0),
    # By default a peer that asks more often than every 5 minutes is sent away with "too_many_pings".
    ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 4),
    ("grpc.keepalive_permit_without_calls", 1),
)

CLIENT_OPTIONS: Final = (
    *_BOTH,
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
    # http_proxy is meant for the internet; through it no call would find a server on loopback.
    ("grpc.enable_http_proxy", 0),
    # Each client has a connection of its own; by default all clients of a process to one address share one.
    ("grpc.use_local_subchannel_pool", 1),
)
