"""Wire contract of the Hodei job platform: .proto files, messages, descriptor set.

Messages are in `hodei_proto.wire.hodei` and `hodei_proto.wire.hodei.providers`. Importing this package alone
costs nothing and needs nothing but the standard library.
"""

from pathlib import Path

PROTOS = Path(__file__).with_name("protos")
"""Include root of the .proto files (`protoc -I`); they are imported as `hodei/jobs.proto`."""

_DESCRIPTORS = Path(__file__).with_name("hodei.fds")


def descriptor_set() -> bytes:
    """Return the serialized FileDescriptorSet of the contract: each file after those it imports."""
    return _DESCRIPTORS.read_bytes()
