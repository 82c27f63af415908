"""The search for Postgres' programs, on made-up directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from hodei_infrastructure.embedded.errors import ClusterVersionMismatch, PostgresNotFound
from hodei_infrastructure.embedded.programs import Programs, find_programs


def programs_at(directory: Path, version: int) -> Path:
    directory.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (directory / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.3'\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for version in (9, 15, 16):
        programs_at(tmp_path / "system" / str(version) / "bin", version)
    return tmp_path / "system"


def test_what_a_person_named_counts_alone(tmp_path: Path, system: Path) -> None:
    mine = programs_at(tmp_path / "mine", 14)
    assert find_programs({"HODEI_PG_BIN": str(mine)}, system=system) == Programs(mine, 14)
    with pytest.raises(ClusterVersionMismatch, match=r"Postgres 15, .* 14 "):
        find_programs({"HODEI_PG_BIN": str(mine)}, 15, system=system)


def test_a_named_directory_without_programs_is_an_error(tmp_path: Path, system: Path) -> None:
    with pytest.raises(PostgresNotFound, match="HODEI_PG_BIN"):
        find_programs({"HODEI_PG_BIN": str(tmp_path / "empty")}, system=system)


def test_of_the_systems_versions_the_newest_comes_first(system: Path) -> None:
    assert find_programs({}, system=system).major == 16


def test_the_files_of_a_cluster_choose_the_version(system: Path) -> None:
    assert find_programs({}, 9, system=system).bin == system / "9" / "bin"


def test_without_a_system_the_wheel_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "some_wheel"
    programs_at(package / "pginstall" / "bin", 18)
    (package / "__init__.py").write_text("raise AssertionError('looking for it must not import it')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = find_programs({}, system=tmp_path / "none", wheels=("no_such_wheel", "some_wheel"))
    assert found == Programs(package / "pginstall" / "bin", 18)


def test_where_nothing_is_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PostgresNotFound, match="pip install"):
        find_programs({}, system=tmp_path, wheels=())


def test_programs_that_do_not_run_are_named(tmp_path: Path) -> None:
    broken = programs_at(tmp_path / "broken", 15)
    (broken / "postgres").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(PostgresNotFound, match="do not run"):
        find_programs({"HODEI_PG_BIN": str(broken)})
