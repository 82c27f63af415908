"""What a job's environment is made of."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hodei_worker.environment import DEFAULT_PATH, image_directory, image_environment, job_environment
from hodei_worker.order import Key, Order, Shell


def made(base: dict[str, str], **given: str) -> dict[str, str]:
    order = Order(key=Key("job-1", 1), command=Shell("true"), environment=given)
    return job_environment(base, order, "worker-1", lambda: "/private")


def test_an_image_gives_everything_but_what_is_ours(tmp_path: Path) -> None:
    image = {"PATH": "/app/bin", "JAVA_HOME": "/java", "HOME": str(tmp_path), "USER": "app", "LOGNAME": "app"}
    ours = {"HODEI_OTP_FILE": "/x", "HODEI_ANYTHING": "1", "GRPC_VERBOSITY": "NONE"}
    assert image_environment(image | ours) == image


def test_an_image_without_a_path_gets_the_usual_one(tmp_path: Path) -> None:
    assert image_environment({"HOME": str(tmp_path)})["PATH"] == DEFAULT_PATH


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", ""])
def test_a_home_that_cannot_be_written_to_becomes_the_private_directory(home: str) -> None:
    assert made(image_environment({"HOME": home}))["HOME"] == "/private"


def test_a_temporary_directory_that_is_none_becomes_the_private_one(tmp_path: Path) -> None:
    assert made(image_environment({"TMPDIR": "/proc/nowhere"}))["TMPDIR"] == "/private"
    assert made(image_environment({"TMPDIR": str(tmp_path)}))["TMPDIR"] == str(tmp_path)


def test_a_job_that_names_its_home_gets_that_and_needs_no_private_directory() -> None:
    order = Order(key=Key("job-1", 1), command=Shell("true"), environment={"HOME": "/mine"})
    asked: list[str] = []
    base = {"HOME": "", "PATH": "/bin"}
    assert job_environment(base, order, "worker-1", lambda: asked.append("") or "/x")["HOME"] == "/mine"
    assert asked == []


def test_a_user_without_a_name_is_called_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    told = image_environment({})
    assert (told["USER"], told["LOGNAME"]) == ("4000000", "4000000")


def test_the_root_directory_is_no_choice_of_the_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert image_directory() == str(tmp_path)
    monkeypatch.chdir("/")
    assert image_directory() == ""


async def test_jobs_work_in_the_images_directory_unless_they_name_one(bench: Any, tmp_path: Path) -> None:
    bench.host = replace(bench.host, working_dir=str(tmp_path))
    assert (await bench.run("pwd"))[1].stdout.decode() == f"{tmp_path}\n"
    assert (await bench.run("pwd", working_dir="/"))[1].stdout == b"/\n"
