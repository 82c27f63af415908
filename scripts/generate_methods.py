"""Write the method tables and the servicers' interfaces of hodei-grpc from the descriptor set.

    python scripts/generate_methods.py HODEI_FDS OUT

OUT gets methods.py, which clients and the server share, and servicers.py, which the server's services
implement. The package hodei_grpc need not be importable, so that a broken one can be regenerated.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto

MARK = "Generated from the .proto files by scripts/generate-proto.sh. Do not edit."

METHODS = f'''"""The RPCs of the contract. {MARK}"""

from typing import Final

from hodei_proto.wire import hodei
from hodei_proto.wire.hodei import providers

from hodei_grpc.method import Dialogue, ServerStream, Unary
'''

SERVICERS = f'''"""What services implement. {MARK}

An RPC that answers with a stream is an async generator. Errors are raised, as `hodei_grpc.status` describes.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Protocol

from grpc.aio import ServicerContext
from hodei_proto.wire import hodei
from hodei_proto.wire.hodei import providers

Context = ServicerContext[Any, Any]
'''


def services(files: FileDescriptorSet) -> Iterator[tuple[str, ServiceDescriptorProto]]:
    """All services with the package they are in, in a steady order."""
    found = [(file.package, service) for file in files.file for service in file.service]
    return iter(sorted(found, key=lambda each: (each[0], each[1].name)))


def class_name(package: str, service: str) -> str:
    """JobExecutionService for hodei's; a subpackage goes in front: ProvidersProviderManagementService."""
    return package.removeprefix("hodei").removeprefix(".").title() + service


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def message(name: str) -> str:
    """.hodei.providers.ProviderConfig is `providers.ProviderConfig` in Python."""
    return name.removeprefix(".").replace("hodei.providers.", "providers.")


def kind(method: MethodDescriptorProto) -> str:
    streams = method.client_streaming, method.server_streaming
    return {(False, False): "Unary", (False, True): "ServerStream", (True, True): "Dialogue"}[streams]


def method_table(package: str, service: ServiceDescriptorProto) -> str:
    full = f"{package}.{service.name}"
    lines = [f'class {class_name(package, service.name)}:\n    """{full}."""\n']
    for each in service.method:
        types = f"{message(each.input_type)}, {message(each.output_type)}"
        lines.append(f'    {snake(each.name)}: Final = {kind(each)}("/{full}/{each.name}", {types})')
    return "\n".join(lines)


def servicer(package: str, service: ServiceDescriptorProto) -> str:
    name = class_name(package, service.name).removesuffix("Service")
    lines = [f'class {name}Servicer(Protocol):\n    """Implements {package}.{service.name}."""']
    for each in service.method:
        request, response = message(each.input_type), message(each.output_type)
        if each.client_streaming:
            request = f"AsyncIterator[{request}]"
        start = "    def" if each.server_streaming else "    async def"
        if each.server_streaming:
            response = f"AsyncIterator[{response}]"
        parameter = "requests" if each.client_streaming else "request"
        lines.append(
            f"\n    @abstractmethod\n{start} {snake(each.name)}"
            f"(self, {parameter}: {request}, context: Context) -> {response}: ..."
        )
    return "\n".join(lines)


def write(path: Path, parts: list[str]) -> None:
    text = "\n\n".join(parts) + "\n"
    # No configuration is found for standard input outside the workspace, so the style is named here.
    command = ["ruff", "format", "--isolated", "--line-length=110", "--target-version=py311", "-"]
    path.write_text(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    found = list(services(FileDescriptorSet.FromString(source.read_bytes())))
    write(out / "methods.py", [METHODS, *(method_table(*each) for each in found)])
    write(out / "servicers.py", [SERVICERS, *(servicer(*each) for each in found)])


if __name__ == "__main__":
    main()
