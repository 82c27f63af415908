"""`python -m hodei_grpc.health`, against a health service that is not ours."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from hodei_grpc.health import main

STATES = health_pb2.HealthCheckResponse


@pytest.fixture
def servicer() -> HealthServicer:
    return HealthServicer()


@pytest.fixture
def address(servicer: HealthServicer) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_server_that_serves_is_well(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([address]) == 0
    assert capsys.readouterr().out == "SERVING\n"


def test_a_server_that_leaves_is_not(
    address: str, servicer: HealthServicer, capsys: pytest.CaptureFixture[str]
) -> None:
    servicer.set("", STATES.NOT_SERVING)
    assert main([address]) == 1
    assert capsys.readouterr().out == "NOT_SERVING\n"


def test_one_service_can_be_asked_for(address: str, servicer: HealthServicer) -> None:
    servicer.set("hodei.JobExecutionService", STATES.NOT_SERVING)
    assert main([address, "--service", "hodei.JobExecutionService"]) == 1
    assert main([address]) == 0


def test_where_nobody_serves_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GRPC_PORT", str(free.getsockname()[1]))
        assert main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("127.0.0.1:")
    assert told.err.count("\n") == 1


def test_one_that_does_not_answer_in_time_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        assert main([f"127.0.0.1:{mute.getsockname()[1]}", "--timeout", "0.2"]) == 1
    assert "Deadline" in capsys.readouterr().err
