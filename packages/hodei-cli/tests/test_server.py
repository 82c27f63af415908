"""Where a command finds its server, and who gets this machine's token."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from hodei_cli.errors import UsageProblem
from hodei_cli.options import Options
from hodei_cli.server import asked_for, data_dir, of_this_machine, parse_address, read_state


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HODEI_DATA_DIR", str(tmp_path))
    (tmp_path / "token").write_text("ours\n")
    return tmp_path


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def write_state(place: Path, port: int, pid: int) -> None:
    (place / "server.json").write_text(json.dumps({"address": f"127.0.0.1:{port}", "pid": pid}))


def ended_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", ("localhost", 50051)),
        ("build:7000", ("build", 7000)),
        ("http://localhost:50051/", ("localhost", 50051)),
        ("[::1]:9", ("::1", 9)),
        ("[::1]", ("::1", 50051)),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":1", "host:", "host:http", "host:0", "host:70000", "https://host:1"])
def test_what_is_no_address_names_the_option(text: str) -> None:
    with pytest.raises(UsageProblem, match="--server"):
        parse_address(text)


def test_a_live_local_server_is_found_with_its_token(place: Path, port: int) -> None:
    write_state(place, port, os.getpid())
    assert of_this_machine(Options()) == (f"127.0.0.1:{port}", "ours", True)


def test_a_server_that_died_is_not_believed(place: Path, port: int) -> None:
    write_state(place, port, ended_pid())
    assert of_this_machine(Options()) is None


def test_a_server_that_does_not_answer_is_not_believed(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    write_state(place, free, os.getpid())
    assert of_this_machine(Options()) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"address": 1}', '{"address": "x", "pid": "y"}'])
def test_a_broken_state_file_is_passed_over(place: Path, text: str) -> None:
    (place / "server.json").write_text(text)
    assert read_state(place / "server.json") is None


def test_our_token_is_given_to_our_own_server_by_any_name(place: Path, port: int) -> None:
    write_state(place, port, os.getpid())
    assert asked_for(Options(server=f"localhost:{port}")) == (f"localhost:{port}", "ours", False)


def test_our_token_is_given_to_nobody_else(place: Path, port: int) -> None:
    write_state(place, port, os.getpid())
    for stranger in (f"build.example.org:{port}", f"localhost:{port + 1}", f"10.0.0.1:{port}"):
        server = asked_for(Options(server=stranger))
        assert server is not None
        assert server.token is None


def test_a_token_that_was_named_is_used(place: Path, port: int) -> None:
    write_state(place, port, os.getpid())
    server = asked_for(Options(server="build:1", token="mine"))
    assert server is not None
    assert server.token == "mine"
    local = of_this_machine(Options(token="mine"))
    assert local is not None
    assert local.token == "mine"


def test_the_data_directory_follows_the_xdg_rules() -> None:
    assert data_dir({"HODEI_DATA_DIR": "/srv/h", "HOME": "/home/a"}) == Path("/srv/h")
    assert data_dir({"XDG_DATA_HOME": "/x", "HOME": "/home/a"}) == Path("/x/hodei")
    assert data_dir({"XDG_DATA_HOME": "relative", "HOME": "/home/a"}) == Path("/home/a/.local/share/hodei")


def test_of_several_named_servers_one_that_answers_is_taken(port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        dead = listening.getsockname()[1]
    found = asked_for(Options(server=f"127.0.0.1:{dead},127.0.0.1:{port}"))
    assert found is not None
    assert found.address == f"127.0.0.1:{port}"
    found = asked_for(Options(server=f"127.0.0.1:{dead},[::1]:{dead}"))
    assert found is not None
    assert found.address == f"127.0.0.1:{dead}"


def test_of_several_servers_of_a_data_directory_one_that_lives_is_found(place: Path, port: int) -> None:
    write_state(place, port, ended_pid())
    state = json.dumps({"address": f"127.0.0.1:{port}", "pid": os.getpid()})
    (place / f"server-{os.getpid()}.json").write_text(state)
    assert of_this_machine(Options()) == (f"127.0.0.1:{port}", "ours", True)


def test_our_token_is_given_to_each_of_our_own_servers(place: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as second:
        other = second.getsockname()[1]
        write_state(place, port, os.getpid())
        state = json.dumps({"address": f"127.0.0.1:{other}", "pid": os.getpid()})
        (place / f"server-{os.getpid()}.json").write_text(state)
        for each in (port, other):
            assert asked_for(Options(server=f"127.0.0.1:{each}")) == (f"127.0.0.1:{each}", "ours", False)


@pytest.fixture
def serving() -> Iterator[str]:
    """The address of a server that says that it serves."""
    server = grpc.server(ThreadPoolExecutor(1), options=(("grpc.so_reuseport", 0),))
    health = HealthServicer()
    health.set("hodei.JobExecutionService", HealthCheckResponse.SERVING)
    add_HealthServicer_to_server(health, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield address
    server.stop(0).wait()


def test_of_several_named_servers_one_that_stands_still_is_passed_over(port: int, serving: str) -> None:
    found = asked_for(Options(server=f"127.0.0.1:{port},{serving}"))
    assert found is not None
    assert found.address == serving


def test_of_several_servers_here_one_that_stands_still_is_passed_over(
    place: Path, port: int, serving: str
) -> None:
    write_state(place, port, os.getpid())
    state = json.dumps({"address": serving, "pid": os.getpid()})
    (place / f"server-{os.getpid()}.json").write_text(state)
    assert of_this_machine(Options()) == (serving, "ours", True)
