"""A server that answers what a test tells it to, over real gRPC."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from hodei_grpc.codec import codec
from hodei_grpc.method import Method, ServerStream

Answer = Callable[[Any], Any]


class Refusal(Exception):
    """The end of a call that did not go well; without a code it is not a Hodei server that says so."""

    def __init__(self, status: grpc.StatusCode, text: str, code: str, field: str) -> None:
        super().__init__(text)
        self.status, self.text, self.code, self.field = status, text, code, field


class ScriptedServer:
    """Answers the RPCs in `answers`, remembers every request and its metadata; others are UNIMPLEMENTED."""

    def __init__(self) -> None:
        self.answers: dict[Method[Any, Any], Answer] = {}
        self.requests: list[tuple[str, Any]] = []
        self.metadata: dict[str, str] = {}
        self._asked = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(8), options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers((_Door(self),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """End every call at once, as a server that is killed does."""
        self._server.stop(0).wait()

    def refuse(self, status: grpc.StatusCode, text: str, *, code: str = "test", field: str = "") -> NoReturn:
        """To be called by an answer: the call ends with this status, as a Hodei server ends it."""
        raise Refusal(status, text, code, field)

    def asked(self, name: str) -> list[Any]:
        """The requests to the RPC of that name, in order."""
        return [request for path, request in self.requests if path.endswith(f"/{name}")]

    def wait_for(self, name: str) -> None:
        """Return as soon as the RPC of that name was called."""
        with self._asked:
            assert self._asked.wait_for(lambda: bool(self.asked(name)), 30)

    def handler(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        for method, answer in self.answers.items():
            if method.path == details.method:
                return (
                    self._streaming(method, answer)
                    if isinstance(method, ServerStream)
                    else self._one(method, answer)
                )
        return None

    def _one(self, method: Method[Any, Any], answer: Answer) -> grpc.RpcMethodHandler[Any, Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            self._note(method, request, context)
            try:
                return answer(request)
            except Refusal as refusal:
                _refuse(context, refusal)

        decode, encode = codec(method.request).decode, codec(method.response).encode
        return grpc.unary_unary_rpc_method_handler(call, decode, encode)

    def _streaming(self, method: Method[Any, Any], answer: Answer) -> grpc.RpcMethodHandler[Any, Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            self._note(method, request, context)
            try:
                yield from answer(request)
            except Refusal as refusal:
                _refuse(context, refusal)

        decode, encode = codec(method.request).decode, codec(method.response).encode
        return grpc.unary_stream_rpc_method_handler(call, decode, encode)

    def _note(self, method: Method[Any, Any], request: Any, context: grpc.ServicerContext) -> None:
        with self._asked:
            self.requests.append((method.path, request))
            self._asked.notify_all()
        self.metadata = {str(key): str(value) for key, value in context.invocation_metadata()}


class _Door(grpc.GenericRpcHandler):  # type: ignore[misc]  # its stub has no base
    def __init__(self, scripted: ScriptedServer) -> None:
        self._scripted = scripted

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        return self._scripted.handler(handler_call_details)


def _refuse(context: grpc.ServicerContext, refusal: Refusal) -> None:
    told = (("hodei-error-code", refusal.code), ("hodei-error-field", refusal.field))
    context.set_trailing_metadata(tuple((key, value) for key, value in told if value))
    context.abort(refusal.status, refusal.text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own."""
    monkeypatch.setenv("HODEI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def new_server() -> Iterator[Callable[[], ScriptedServer]]:
    """Makes scripted servers."""
    servers: list[ScriptedServer] = []

    def new() -> ScriptedServer:
        servers.append(ScriptedServer())
        return servers[-1]

    yield new
    for each in servers:
        each.stop()


@pytest.fixture
def server(
    place: Path, monkeypatch: pytest.MonkeyPatch, new_server: Callable[[], ScriptedServer]
) -> ScriptedServer:
    """A scripted server, which commands find by HODEI_SERVER."""
    scripted = new_server()
    monkeypatch.setenv("HODEI_SERVER", scripted.address)
    return scripted


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command line as a process of its own, with pipes; kills at the end what a test left."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, stdout: int = subprocess.PIPE, **variables: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "hodei_cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=os.environ | variables,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


# Keeps the contract of a private server's process: says where it serves, ends when its owner has ended.
STAND_IN = """
import json, os, sys
port, place = int(sys.argv[1]), os.environ["HODEI_DATA_DIR"]
ready, owner = (int(sys.argv[sys.argv.index(name) + 1]) for name in ("--ready-fd", "--owner-fd"))
with open(os.path.join(place, "started"), "a") as file:
    print(os.getpid(), file=file)
with open(os.path.join(place, "server.json"), "w") as file:
    json.dump({"address": f"127.0.0.1:{port}", "pid": os.getpid()}, file)
os.write(ready, json.dumps({"port": port, "pid": os.getpid()}).encode() + b"\\n")
os.read(owner, 1)
os.remove(os.path.join(place, "server.json"))
"""


@pytest.fixture
def stand_in_script() -> str:
    """A program that acts as a private server; its argument is the port that it says it serves on."""
    return STAND_IN
