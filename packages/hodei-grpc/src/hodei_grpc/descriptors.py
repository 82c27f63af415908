"""The contract's descriptors, and which generated class belongs to which."""

from functools import cache
from importlib import import_module
from typing import Any

import betterproto2
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from hodei_proto import descriptor_set
from hodei_proto.wire.message_pool import default_message_pool

_URL = "type.googleapis.com/"


@cache
def contract_files() -> FileDescriptorSet:
    """Return the files of the contract, each after those it imports."""
    return FileDescriptorSet.FromString(descriptor_set())


@cache
def contract_pool() -> DescriptorPool:
    """Return a pool with the contract alone.

    It is not protobuf's default pool: that one is shared with every other library of the process, and a
    file of the same name in it would be an error.
    """
    pool = DescriptorPool()
    for file in contract_files().file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def descriptor_of(message: type[betterproto2.Message]) -> Descriptor:
    """Return the descriptor of a generated class. Raise KeyError for a class that is not of the contract."""
    url = default_message_pool.type_to_url[message]
    return contract_pool().FindMessageTypeByName(url.removeprefix(_URL))


def message_class(descriptor: Descriptor) -> type[betterproto2.Message]:
    """Return the generated class of a message of the contract."""
    import_module(f"hodei_proto.wire.{descriptor.file.package}")  # it registers its messages in the pool
    found: type[betterproto2.Message] = default_message_pool.url_to_type[_URL + descriptor.full_name]
    return found


def enum_class(descriptor: EnumDescriptor) -> type[betterproto2.Enum]:
    """Return the generated class of an enum of the contract."""
    module: Any = import_module(f"hodei_proto.wire.{descriptor.file.package}")
    found: type[betterproto2.Enum] = getattr(module, descriptor.name)
    return found
