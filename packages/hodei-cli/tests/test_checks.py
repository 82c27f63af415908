"""What the doctor finds, and what it says to do."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from hodei_cli import checks
from hodei_cli.findings import NOTE, OK, PROBLEM
from hodei_cli.main import run
from hodei_cli.options import Options
from hodei_grpc.methods import ProviderManagementService
from hodei_proto.wire import hodei as wire


def program(folder: Path, name: str = "postgres") -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder


def test_the_newest_system_postgres_is_found(tmp_path: Path) -> None:
    program(tmp_path / "15" / "bin")
    newest = program(tmp_path / "17" / "bin")
    assert checks.postgres_programs({}, tmp_path) == str(newest)


def test_a_named_postgres_is_believed_only_if_it_is_there(tmp_path: Path) -> None:
    folder = program(tmp_path / "bin")
    assert checks.postgres_programs({"HODEI_PG_BIN": str(folder)}) == f"HODEI_PG_BIN={folder}"
    assert checks.postgres_programs({"HODEI_PG_BIN": str(tmp_path)}) is None


def test_without_postgres_it_says_three_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "postgres_programs", lambda _: None)
    finding = checks.postgres({})
    assert finding.verdict == PROBLEM
    assert "HODEI_PG_BIN" in finding.mend


def test_a_database_that_is_named_and_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "postgres_programs", lambda _: "they are here")
    assert checks.postgres({"HODEI_DATABASE_URL": "postgres://127.0.0.1:1/x"}).verdict == PROBLEM


def test_a_data_directory_is_looked_for_where_it_will_be(tmp_path: Path) -> None:
    assert checks.directory(tmp_path / "not" / "yet").verdict == OK
    (tmp_path / "file").touch()
    assert "HODEI_DATA_DIR" in checks.directory(Path("/proc/nowhere")).mend


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FREE_MIB", 2**60)
    assert checks.directory(tmp_path).verdict == PROBLEM


def test_limits_are_told_by_the_kind_of_cgroups(tmp_path: Path) -> None:
    assert "no cgroups" in checks.limits(tmp_path).found
    (tmp_path / "memory").mkdir()
    assert checks.limits(tmp_path).found.startswith("cgroups v1")


def test_what_later_providers_need_is_only_noted(tmp_path: Path) -> None:
    assert checks.socket("kvm", tmp_path / "none", "x") == ("kvm", NOTE, f"no {tmp_path / 'none'}", "")
    (tmp_path / "there").touch()
    assert checks.socket("kvm", tmp_path / "there", "the Docker provider").verdict == NOTE


def test_a_server_that_answers_is_fine(server: Any) -> None:
    listing = wire.ProviderListing(name="local", status="ACTIVE")
    server.answers[ProviderManagementService.list_providers] = lambda _: wire.ListProvidersResponse(
        providers=[listing]
    )
    finding = checks.server(Options(server=server.address))
    assert (finding.verdict, finding.found) == (OK, f"{server.address}, providers: local (ACTIVE)")


def test_a_server_that_does_not_know_us_says_how_to_be_known(server: Any) -> None:
    def refuse(_: object) -> None:
        server.refuse(StatusCode.UNAUTHENTICATED, "no token")

    server.answers[ProviderManagementService.list_providers] = refuse
    finding = checks.server(Options(server=server.address))
    assert finding.verdict == PROBLEM
    assert "HODEI_TOKEN" in finding.mend


def test_a_stranger_on_the_default_port_is_noticed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setattr("hodei_cli.server.DEFAULT_PORT", port)
        monkeypatch.setattr(checks, "DEFAULT_PORT", port)
        finding = checks.server(Options())
    assert "not Hodei" in finding.found


def test_a_machine_with_a_problem_exits_with_1(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HODEI_SERVER", "127.0.0.1:1")
    assert run(["doctor", "--output", "json"]) == 1
    found = {each["check"]: each["verdict"] for each in json.loads(capsys.readouterr().out)}
    assert found["server"] == PROBLEM
    assert found["python"] == OK


def test_a_machine_without_a_server_is_healthy(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hodei_cli.server.DEFAULT_PORT", 1)
    monkeypatch.setattr(checks, "DEFAULT_PORT", 1)
    assert run(["doctor"]) == 0
    assert "hodei up" in capsys.readouterr().out
