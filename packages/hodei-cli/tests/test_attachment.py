"""A run on a server of this machine goes on when that server goes away."""

import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from hodei_cli import attachment, private
from hodei_cli.main import run
from hodei_grpc.methods import JobExecutionService, LogStreamService
from hodei_proto.wire import hodei as wire


def chunk(data: bytes, first: int) -> wire.LogChunk:
    runs = struct.pack("<4I", 0, 1, 0, len(data))
    return wire.LogChunk(job_id="7", attempt=1, first_sequence=first, lines=1, runs=runs, data=data)


@pytest.fixture
def pair(
    new_server: Callable[[], Any], place: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, Any]]:
    """Two servers; the first one breaks off after a line, the second one knows the rest."""
    monkeypatch.setattr("hodei_cli.server.DEFAULT_PORT", 1)
    first, second = new_server(), new_server()
    ended = wire.GetJobResponse(job=wire.JobDefinition(command="x"), state="SUCCEEDED", exit_code=0)

    def queue(request: wire.QueueJobRequest) -> wire.QueueJobResponse:
        assert request.job_definition is not None
        return wire.QueueJobResponse(success=True, job_id=request.job_definition.job_id)

    for each in (first, second):
        each.answers[JobExecutionService.queue_job] = queue
        each.answers[JobExecutionService.get_job] = lambda _: ended
    second.answers[LogStreamService.subscribe_log_chunks] = lambda _: iter([chunk(b"two\n", 1)])
    live_at(place, first.address)
    return first, second


def live_at(place: Path, address: str) -> None:
    (place / "server.json").write_text(f'{{"address": "{address}", "pid": {os.getpid()}}}')


def same_job(first: Any, second: Any) -> bool:
    ids = {each.job_definition.job_id.value for each in [*first.asked("QueueJob"), *second.asked("QueueJob")]}
    return len(ids) == 1


def test_a_server_that_comes_back_elsewhere_is_followed(
    pair: tuple[Any, Any], place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = pair

    def stream(_: object) -> Iterator[wire.LogChunk]:
        yield chunk(b"one\n", 0)
        live_at(place, second.address)
        first.refuse(StatusCode.UNAVAILABLE, "going away", code="")

    first.answers[LogStreamService.subscribe_log_chunks] = stream
    assert run(["run", "--", "x"]) == 0
    assert capfd.readouterr().out == "one\ntwo\n"
    assert [each.since_sequence for each in second.asked("SubscribeLogChunks")] == [1]
    assert same_job(first, second)


def test_when_nobody_comes_back_it_is_the_next_server_itself(
    pair: tuple[Any, Any],
    place: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    stand_in_script: str,
) -> None:
    first, second = pair
    port = second.address.split(":")[1]
    monkeypatch.setattr(private, "SERVER", (sys.executable, "-c", stand_in_script, port))
    monkeypatch.setattr(attachment, "COMES_BACK_SECONDS", 0.0)

    def stream(_: object) -> Iterator[wire.LogChunk]:
        yield chunk(b"one\n", 0)
        (place / "server.json").unlink()
        first.refuse(StatusCode.UNAVAILABLE, "going away", code="")

    first.answers[LogStreamService.subscribe_log_chunks] = stream
    assert run(["run", "--", "x"]) == 0
    assert capfd.readouterr().out == "one\ntwo\n"
    assert same_job(first, second)
    assert not (place / "server.json").exists()


def test_a_server_that_leaves_before_it_has_the_job_is_not_the_end(
    pair: tuple[Any, Any], place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(attachment, "PAUSE_SECONDS", 0.01)

    def leave(_: object) -> None:
        live_at(place, second.address)
        first.refuse(StatusCode.UNAVAILABLE, "going away", code="")

    first.answers[JobExecutionService.queue_job] = leave
    assert run(["run", "--", "x"]) == 0
    assert capfd.readouterr().out == "two\n"
    assert same_job(first, second)


def test_a_server_that_was_named_is_waited_for_and_given_up(
    pair: tuple[Any, Any], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(attachment, "PATIENCE_SECONDS", 0.0)

    def stream(_: object) -> Iterator[wire.LogChunk]:
        yield chunk(b"one\n", 0)
        first.refuse(StatusCode.UNAVAILABLE, "going away", code="")

    first.answers[LogStreamService.subscribe_log_chunks] = stream
    assert run(["run", "--server", first.address, "--", "x"]) == 69
    err = capfd.readouterr().err
    assert "did not come back" in err
    assert "hodei logs follow" in err
    assert not second.requests
