"""What a person is told to type next works where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hodei_cli import program


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("./hodei", "./hodei"),
        ("/opt/hodei/hodei", "/opt/hodei/hodei"),
        ("hodei", "./hodei"),  # by `sh hodei`: no shell finds it by its name alone
        ("my place/hodei", "'my place/hodei'"),
        ("", "hodei"),
    ],
)
def test_a_checkout_is_started_again_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str, told: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program._called(typed) == told


def test_what_the_shell_finds_by_its_name_is_called_by_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launcher = tmp_path / "checkout-hodei"
    launcher.write_text("#!/bin/sh\n")
    launcher.chmod(0o755)
    (tmp_path / "hodei").symlink_to(launcher)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program._called(str(launcher)) == "hodei"


def test_only_commands_of_this_program_are_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "CALLED", "./hodei")
    assert (
        program.as_typed("start one with: hodei up. `hodei run` too; hodei server, a.hodei run, hodei")
        == "start one with: ./hodei up. `./hodei run` too; hodei server, a.hodei run, hodei"
    )
