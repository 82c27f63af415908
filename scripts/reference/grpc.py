"""docs/reference/grpc.md: services, methods and messages, from the .proto files and their comments."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2 as pb
from grpc_tools import protoc  # type: ignore[import-untyped]  # it ships no types
from hodei_proto import PROTOS

from reference.markdown import code, table

_T = pb.FieldDescriptorProto
_NAMED = (_T.TYPE_MESSAGE, _T.TYPE_ENUM)
# Where the parts of a file stand in its source info: field numbers of FileDescriptorProto and below.
_MESSAGE, _ENUM, _SERVICE, _BELOW = 4, 5, 6, 2


def page() -> str:
    """The page."""
    files = list(_files())
    services = "\n\n".join(_service(file, n) for file in files for n in range(len(file.service)))
    messages = "\n\n".join(_message(file, n) for file in files for n in range(len(file.message_type)))
    enums = "\n\n".join(_enum(file, n) for file in files for n in range(len(file.enum_type)))
    return f"""\
# gRPC

The server speaks clear-text HTTP/2, offers server reflection and the standard health service. The `.proto`
files are in `proto/src/hodei_proto/protos`. Metadata that is read: `authorization`, `x-actor-id`,
`x-correlation-id`.

{services}

## Messages

{messages}

## Enumerations

{enums}
"""


def _files() -> Iterator[pb.FileDescriptorProto]:
    """Our files with their comments, which the shipped descriptors leave out."""
    sources = sorted(str(each.relative_to(PROTOS)) for each in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "set")
        arguments = [f"-I{PROTOS}", "--include_source_info", f"--descriptor_set_out={out}", *sources]
        if protoc.main(["protoc", *arguments, f"-I{Path(protoc.__file__).parent}/_proto"]) != 0:
            raise RuntimeError("protoc could not read the .proto files")
        yield from pb.FileDescriptorSet.FromString(out.read_bytes()).file


def _comment(file: pb.FileDescriptorProto, *path: int) -> str:
    for location in file.source_code_info.location:
        if tuple(location.path) == path:
            return " ".join((location.leading_comments or location.trailing_comments).split())
    return ""


def _service(file: pb.FileDescriptorProto, number: int) -> str:
    service = file.service[number]
    rows = [
        [code(method.name), _request(method), _response(method), _comment(file, _SERVICE, number, _BELOW, n)]
        for n, method in enumerate(service.method)
    ]
    head = ["Method", "Request", "Response", "What it does"]
    parts = [f"## {file.package}.{service.name}", _comment(file, _SERVICE, number), table(head, rows)]
    return "\n\n".join(each for each in parts if each)


def _request(method: pb.MethodDescriptorProto) -> str:
    return _link(method.input_type, method.client_streaming)


def _response(method: pb.MethodDescriptorProto) -> str:
    return _link(method.output_type, method.server_streaming)


def _link(full_name: str, stream: bool = False) -> str:
    name = full_name.lstrip(".")
    if not name.startswith("hodei."):
        return code(name)
    anchor = name.lower().replace(".", "")
    return f"{'stream of ' if stream else ''}[{name.removeprefix('hodei.')}](#{anchor})"


def _message(file: pb.FileDescriptorProto, number: int) -> str:
    message = file.message_type[number]
    maps = {each.name: each for each in message.nested_type if each.options.map_entry}
    rows = [
        [str(each.number), code(each.name), _type(each, maps), _comment(file, _MESSAGE, number, _BELOW, n)]
        for n, each in enumerate(message.field)
    ]
    head = ["", "Field", "Type", "Meaning"]
    parts = [
        f"### {file.package}.{message.name}",
        _comment(file, _MESSAGE, number),
        table(head, rows) if rows else "No fields.",
    ]
    return "\n\n".join(each for each in parts if each)


def _type(field: pb.FieldDescriptorProto, maps: dict[str, pb.DescriptorProto]) -> str:
    entry = maps.get(field.type_name.rpartition(".")[2])
    if entry is not None:
        key, value = entry.field
        return f"map of {_plain(key)} to {_plain(value)}"
    many = "many " if field.label == _T.LABEL_REPEATED else ""
    return many + ("optional " if field.proto3_optional else "") + _plain(field)


def _plain(field: pb.FieldDescriptorProto) -> str:
    if field.type in _NAMED:
        return _link(field.type_name)
    return _T.Type.Name(field.type).removeprefix("TYPE_").lower()


def _enum(file: pb.FileDescriptorProto, number: int) -> str:
    enum = file.enum_type[number]
    rows = [
        [str(each.number), code(each.name), _comment(file, _ENUM, number, _BELOW, n)]
        for n, each in enumerate(enum.value)
    ]
    parts = [f"### {file.package}.{enum.name}", _comment(file, _ENUM, number), table(["", "Name", ""], rows)]
    return "\n\n".join(each for each in parts if each)
