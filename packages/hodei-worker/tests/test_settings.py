"""What the environment may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hodei_worker.settings import SettingsError, address, read_settings

ID = "0190c0de-0000-7000-8000-000000000001"


def test_the_documented_variables_are_enough() -> None:
    settings = read_settings({"HODEI_OTP_TOKEN": "dev-test", "HODEI_SERVER": "http://localhost:50051"})
    assert (settings.server, settings.otp, settings.worker_id) == ("localhost:50051", "dev-test", "")
    assert (settings.batch_lines, settings.flush_seconds) == (100, 0.1)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://example.org:1234", "example.org:1234"),
        ("http://example.org:1234/", "example.org:1234"),
        ("example.org:1234", "example.org:1234"),
        ("example.org", "example.org:50051"),
        ("10.0.0.1", "10.0.0.1:50051"),
        ("http://[::1]:1", "[::1]:1"),
    ],
)
def test_a_server_is_named_in_several_ways(text: str, meant: str) -> None:
    assert address(text) == meant


@pytest.mark.parametrize(
    "text", ["https://x", "ftp://x", "x:port", "x:99999", "http://", "http://x/path", "a@b:1"]
)
def test_a_server_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"http|host|port|path"):
        address(text)


@pytest.mark.parametrize("name", ["WORKER_ID", "HODEI_WORKER_ID"])
def test_both_names_of_the_worker_id_are_read(name: str) -> None:
    assert read_settings({"HODEI_OTP_TOKEN": "t", name: ID.upper()}).worker_id == ID


def test_a_name_comes_from_the_id_unless_it_is_given() -> None:
    environ = {"HODEI_OTP_TOKEN": "t", "WORKER_ID": ID}
    assert read_settings(environ).name == f"hodei-worker-{ID}"
    assert read_settings({**environ, "HODEI_WORKER_NAME": "own"}).name == "own"


def test_the_file_with_the_password_is_removed_once_it_was_read(tmp_path: Path) -> None:
    file = tmp_path / "otp"
    file.write_text("secret\n")
    assert read_settings({"HODEI_OTP_FILE": str(file)}).otp == "secret"
    assert not file.exists()


def test_the_password_is_in_no_representation() -> None:
    assert "secret" not in repr(read_settings({"HODEI_OTP_TOKEN": "secret"}))


def test_every_problem_is_told_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {
                "HODEI_OTP_FILE": str(tmp_path / "missing"),
                "HODEI_SERVER": "https://x",
                "WORKER_ID": "worker one",
                "HODEI_LOG_LEVEL": "loud",
                "HODEI_LOG_BATCH_SIZE": "0",
                "HODEI_LOG_FLUSH_INTERVAL": "soon",
                "HODEI_WORKER_DIR": "relative",
                "HODEI_DRAIN_TIMEOUT": "-1",
            }
        )
    assert len(caught.value.problems) == 8
    for name in ("HODEI_OTP_FILE", "HODEI_SERVER", "WORKER_ID", "HODEI_LOG_LEVEL", "HODEI_WORKER_DIR"):
        assert any(problem.startswith(name) for problem in caught.value.problems)


def test_an_agent_in_an_image_is_told_so() -> None:
    given = {"HODEI_OTP_TOKEN": "x", "HODEI_WORKER_DIR": "/w"}
    assert not read_settings(given).in_image
    assert read_settings({**given, "HODEI_WORKER_IN_IMAGE": "1"}).in_image
    assert not read_settings({**given, "HODEI_WORKER_IN_IMAGE": "no"}).in_image
    with pytest.raises(SettingsError, match="HODEI_WORKER_IN_IMAGE='perhaps': should be 1 or 0"):
        read_settings({**given, "HODEI_WORKER_IN_IMAGE": "perhaps"})


def test_a_machine_without_a_temporary_directory_needs_one_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(SettingsError, match="HODEI_WORKER_DIR is needed"):
        read_settings({"HODEI_OTP_TOKEN": "x"})
    assert read_settings({"HODEI_OTP_TOKEN": "x", "HODEI_WORKER_DIR": "/w"}).directory == Path("/w")


@pytest.mark.parametrize(
    ("text", "size"), [("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("2mb", 2_000_000), ("4096KiB", 4 << 20)]
)
def test_the_spool_has_a_size_with_a_unit(text: str, size: int) -> None:
    assert read_settings({"HODEI_OTP_TOKEN": "x", "HODEI_SPOOL_SIZE": text}).spool_bytes == size


@pytest.mark.parametrize("text", ["64", "much", "-1MiB", "1.5GiB", "64 parsecs", "1KiB", "9999GiB"])
def test_a_size_that_makes_no_sense_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"HODEI_SPOOL_SIZE=.*(64MiB or 1GiB|1MiB to 1TiB)"):
        read_settings({"HODEI_OTP_TOKEN": "x", "HODEI_SPOOL_SIZE": text})


def test_the_entrypoint_of_an_image_is_a_list_of_words() -> None:
    given = {"HODEI_OTP_TOKEN": "x"}
    told = read_settings({**given, "HODEI_IMAGE_ENTRYPOINT": '["/bin/tini", "--"]'})
    assert told.image_entrypoint == ("/bin/tini", "--")
    with pytest.raises(
        SettingsError, match="HODEI_IMAGE_ENTRYPOINT='\\[1\\]': should be a JSON list of words"
    ):
        read_settings({**given, "HODEI_IMAGE_ENTRYPOINT": "[1]"})


@pytest.mark.parametrize(
    ("directives", "level"), [("debug", "DEBUG"), ("warn,hodei=info", "INFO"), ("my_crate", "INFO")]
)
def test_without_a_level_of_its_own_the_most_detailed_of_rust_log_counts(directives: str, level: str) -> None:
    said = {"HODEI_OTP_TOKEN": "secret", "RUST_LOG": directives}
    assert read_settings(said).log_level == level
    assert read_settings({**said, "HODEI_LOG_LEVEL": "error"}).log_level == "ERROR"
