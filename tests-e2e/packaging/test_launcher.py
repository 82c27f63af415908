"""`./hodei` from a fresh checkout: sets itself up once, says so on stderr, and starts fast afterwards."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("hodei", "scripts", "uv.lock", "pyproject.toml", "proto", "packages", "LICENSE")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout without .venv, in a path with a blank."""
    place = tmp_path_factory.mktemp("some where") / "my hodei"
    place.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        else:
            shutil.copy2(source, place / name)
    return place


def start(
    program: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Start the launcher as a user would, with this interpreter as the Python on PATH."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HODEI_", "VIRTUAL_ENV"))}
    path = f"{Path(sys.executable).resolve().parent}:{environment['PATH']}"
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def without_uv(tmp_path: Path) -> str:
    """A PATH with the programs a small machine has, among them a Python, and no uv."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for each in ("sh", "cat", "cmp", "readlink", "dirname", "mkdir", "rm", "mv", "tail"):
        found = shutil.which(each)
        assert found is not None
        (programs / each).symlink_to(found)
    return str(programs)


def test_two_first_starts_at_once_both_work(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    command = [checkout / "hodei", "version"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [each.communicate(timeout=240) for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert all(out.startswith("hodei ") for out, _ in outputs)
    assert sum("Setting up Hodei" in err for _, err in outputs) == 1


def test_the_second_start_is_silent_and_does_not_ask_uv(checkout: Path, tmp_path: Path) -> None:
    assert start(checkout / "hodei", "version").returncode == 0
    again = start(checkout / "hodei", "version", PATH=without_uv(tmp_path))
    assert (again.returncode, again.stderr) == (0, "")


def test_it_works_through_a_link_from_anywhere_and_leaves_the_directory_alone(
    checkout: Path, tmp_path: Path
) -> None:
    link = tmp_path / "h"
    link.symlink_to(checkout / "hodei")
    (tmp_path / "click.py").write_text("raise SystemExit('the directory of the caller was imported from')")
    done = start(link, "version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["click.py", "h"]


def test_a_changed_lock_is_noticed(checkout: Path) -> None:
    assert start(checkout / "hodei", "version").returncode == 0
    with (checkout / "uv.lock").open("a") as lock:
        lock.write("\n# changed\n")
    assert "Setting up Hodei" in start(checkout / "hodei", "version").stderr
    assert start(checkout / "hodei", "version").stderr == ""


def test_without_a_python_it_says_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    done = start(checkout / "hodei", "version", PATH=without_uv(tmp_path))
    assert done.returncode == 69
    assert done.stderr.startswith("hodei: needs Python 3.11 or newer")
    assert done.stdout == ""


def test_a_python_that_was_named_and_is_none_is_named(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    done = start(checkout / "hodei", "version", HODEI_PYTHON="/bin/false")
    assert done.returncode == 69
    assert "HODEI_PYTHON=/bin/false" in done.stderr


def test_without_uv_pip_or_venv_it_says_how_to_go_on(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    shutil.rmtree(checkout / ".tools", ignore_errors=True)
    path = without_uv(tmp_path)
    bare = Path(path) / "python3"
    bare.write_text(f'#!/bin/sh\ncase "$*" in *-m*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    bare.chmod(0o755)
    done = start(checkout / "hodei", "version", PATH=path)
    assert done.returncode == 69
    assert "could not get uv" in done.stderr
    assert "python3-venv" in done.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_is_named(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    checkout.chmod(0o555)
    try:
        done = start(checkout / "hodei", "version")
    finally:
        checkout.chmod(0o755)
    assert done.returncode == 69
    assert f"cannot write to {checkout}" in done.stderr


def test_hints_name_what_works_from_here(checkout: Path, tmp_path: Path) -> None:
    away = {"HODEI_DATA_DIR": str(tmp_path)}
    here = start(Path("/bin/sh"), "-c", "./hodei job list", cwd=checkout, **away)
    assert "start one with: ./hodei up" in here.stderr
    elsewhere = start(checkout / "hodei", "job", "list", cwd=tmp_path, **away)
    assert f"start one with: '{checkout}/hodei' up" in elsewhere.stderr
