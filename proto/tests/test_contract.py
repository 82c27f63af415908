"""The .proto files against what existing peers speak, and what is generated against the .proto files."""

import filecmp
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from hodei_proto import PROTOS, descriptor_set

ROOT = Path(__file__).parents[2]
EXISTING = [
    line
    for line in (Path(__file__).parent / "existing_contract.txt").read_text().splitlines()
    if not line.startswith("#")
]
FILES = [
    file for file in FileDescriptorSet.FromString(descriptor_set()).file if file.name.startswith("hodei/")
]


def short(name: str) -> str:
    """Types are written as seen from package hodei."""
    return name.removeprefix(".").removeprefix("hodei.")


def field_type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    entries = {f".{entry.name}": entry for entry in message.nested_type if entry.options.map_entry}
    entry = entries.get("." + field.type_name.rpartition(".")[2])
    if entry is not None:
        key, value = (field_type(each, entry) for each in entry.field)
        return f"map<{key},{value}>"
    name = short(field.type_name) or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    if field.proto3_optional:
        return f"optional {name}"
    if field.HasField("oneof_index"):
        return f"{name} [oneof {message.oneof_decl[field.oneof_index].name}]"
    return name


def spoken() -> Iterator[str]:
    """The contract of the .proto files, written as the list of what exists is."""
    for file in FILES:
        for message in file.message_type:
            yield f"message {file.package}.{message.name}"
            for field in message.field:
                kind = field_type(field, message)
                yield f"message {file.package}.{message.name} {field.number} {field.name}: {kind}"
        for enum in file.enum_type:
            yield from enum_lines(file, enum)
        for service in file.service:
            for method in service.method:
                request = "stream " * method.client_streaming + short(method.input_type)
                response = "stream " * method.server_streaming + short(method.output_type)
                yield f"rpc {file.package}.{service.name}/{method.name}({request}) -> {response}"


def enum_lines(file: FileDescriptorProto, enum: EnumDescriptorProto) -> Iterator[str]:
    return (f"enum {file.package}.{enum.name} {value.name} {value.number}" for value in enum.value)


def test_all_that_existing_peers_speak_is_there_unchanged() -> None:
    assert len(EXISTING) > 500
    assert set(EXISTING) - set(spoken()) == set()


def test_what_is_added_to_an_existing_message_has_a_number_from_50_up() -> None:
    messages = {line.split()[1] for line in EXISTING if line.startswith("message ")}
    added = [line.split() for line in set(spoken()) - set(EXISTING) if line.startswith("message ")]
    low = [line for line in added if line[1] in messages and len(line) > 2 and int(line[2]) < 50]
    assert low == []


def test_the_proto_files_ship_with_the_package() -> None:
    names = {str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto")}
    assert names == {file.name for file in FILES}


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys, hodei_proto; assert not {'betterproto2', 'google', 'grpc'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_messages_import_without_grpc_and_protobuf() -> None:
    program = (
        "import sys, hodei_proto.wire.hodei.providers;"
        "assert not {'grpc', 'grpclib', 'google.protobuf'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def regenerated(tmp_path: Path) -> Path:
    """A tree with what the .proto files give now."""
    compiler = [importlib.util.find_spec(name) for name in ("grpc_tools", "betterproto2_compiler")]
    script = ROOT / "scripts/generate-proto.sh"
    if not all(compiler) or shutil.which("bash") is None or not script.exists():
        if "proto" in os.environ.get("HODEI_REQUIRE", ""):
            pytest.fail("the protobuf compiler is required and missing")
        pytest.skip("needs grpcio-tools and betterproto2-compiler")
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([script, tmp_path], env=environment, check=True, capture_output=True)
    return tmp_path


def test_what_is_committed_is_what_the_proto_files_give(regenerated: Path) -> None:
    made = [path.relative_to(regenerated) for path in regenerated.rglob("*") if path.is_file()]
    assert len(made) > 5
    different = [path for path in made if not filecmp.cmp(regenerated / path, ROOT / path, shallow=False)]
    assert different == []


def test_nothing_is_committed_that_the_proto_files_do_not_give(regenerated: Path) -> None:
    wire = Path("proto/src/hodei_proto/wire")
    committed = {path.relative_to(ROOT) for path in (ROOT / wire).rglob("*.py")}
    assert committed == {path.relative_to(regenerated) for path in (regenerated / wire).rglob("*.py")}
