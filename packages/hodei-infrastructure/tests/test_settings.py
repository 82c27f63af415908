"""Settings: what the environment means, and what a person is told when it means nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hodei_infrastructure import variables
from hodei_infrastructure.settings import Settings, from_environment
from hodei_infrastructure.variables import SettingsError, without_password

HOME = {"HOME": "/home/someone"}


def read(**environ: str) -> Settings:
    return from_environment({**HOME, **environ})


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(**environ)
    return caught.value.problems


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read()
    assert (settings.grpc_port, settings.rest_port, settings.bind) == (50051, 3000, "127.0.0.1")
    assert (settings.db_max_connections, settings.db_connection_timeout) == (10, timedelta(seconds=30))
    assert settings.database_url is None
    assert not settings.dev_mode
    assert settings.provisioning_enabled
    assert settings.data_dir == Path("/home/someone/.local/share/hodei")


def test_the_xdg_data_directory_is_followed_if_it_is_absolute() -> None:
    assert read(XDG_DATA_HOME="/data").data_dir == Path("/data/hodei")
    assert read(XDG_DATA_HOME="data").data_dir == Path("/home/someone/.local/share/hodei")


def test_hodei_database_url_comes_before_database_url() -> None:
    both = read(HODEI_DATABASE_URL="postgres://a/x", DATABASE_URL="postgres://b/x")
    assert both.database_url == "postgres://a/x"
    assert read(DATABASE_URL="postgresql://b/x").database_url == "postgresql://b/x"


def test_an_empty_variable_counts_as_unset() -> None:
    assert read(GRPC_PORT="", HODEI_DATABASE_URL=" ").grpc_port == 50051


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_words_for_yes(word: str) -> None:
    assert read(HODEI_DEV_MODE=word).dev_mode


@pytest.mark.parametrize("word", ["0", "False", "no", "off"])
def test_words_for_no(word: str) -> None:
    assert not read(HODEI_PROVISIONING_ENABLED=word).provisioning_enabled


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("500ms", 0.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("90d", 90 * 86400), ("1.5", 1.5)],
)
def test_durations_are_seconds_or_have_a_unit(text: str, expected: float) -> None:
    assert read(HODEI_WORKER_IDLE_TTL=text).worker_idle_ttl == timedelta(seconds=expected)


def test_every_problem_is_reported_at_once_with_its_variable() -> None:
    found = problems(
        GRPC_PORT="70000", HODEI_DEV_MODE="perhaps", HODEI_WORKER_IDLE_TTL="soon", HODEI_BIND="everywhere:1"
    )
    assert [each.partition(":")[0] for each in found] == [
        "GRPC_PORT",
        "HODEI_BIND",
        "HODEI_DEV_MODE",
        "HODEI_WORKER_IDLE_TTL",
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("GRPC_PORT", "http", "whole number"),
        ("GRPC_PORT", "-1", "0 to 65535"),
        ("HODEI_DB_MAX_CONNECTIONS", "0", "2 to 1000"),
        ("HODEI_DEV_MODE", "maybe", "write 1 or 0"),
        ("HODEI_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("HODEI_LOG_RETENTION", "-3d", "more than nothing"),
        ("HODEI_LOG_RETENTION", "1e999d", "no duration"),
        ("HODEI_LEASE", "1s", "2s or more"),
        ("HODEI_BIND", "localhost:50051", "without a port"),
        ("HODEI_DATABASE_URL", "mysql://u:secret@h/x", "postgres://user:password@host:5432/name"),
        ("HODEI_DATABASE_URL", "postgres://u:secret@h:99999/x", "99999 is no port"),
        ("HODEI_DATABASE_URL", "postgres://u:secret%ss@h/x", "characters of the password as %XX"),
        ("HODEI_DATABASE_URL", "postgres://u:secret%00@h/x", "characters of the password as %XX"),
        ("HODEI_DATABASE_URL", "postgres://u:s@secret@h/x", "@ as %40, / as %2F"),
        ("HODEI_DATABASE_URL", "postgres://u:se/secret@h/x", "@ as %40, / as %2F"),
        ("HODEI_DATABASE_URL", "postgres://u:secret word@h/x", "characters of the password as %XX"),
        ("HODEI_DATABASE_URL", "postgres://u:secret@[::1/x", "postgres://user:password@host:5432/name"),
        ("HODEI_DATABASE_URL", "postgres://u:secret@h/x?schema=public", "options=-csearch_path%3DNAME"),
        ("HODEI_DATABASE_URL", "postgres://u:secret@h/x?nosuch=1", "no parameter 'nosuch'"),
        ("HODEI_DATABASE_URL", "postgres://u:secret@h/x?connect_timeout=abc", "connect_timeout=abc"),
        (
            "HODEI_DATABASE_URL",
            "postgres://u:secret@h/x?sslmode=requir",
            "sslmode=requir: write one of",
        ),
        ("HODEI_DATABASE_URL", "postgres://h/x?target_session_attrs=rw", "read-write"),
    ],
)
def test_a_wrong_value_is_answered_with_what_would_be_right(name: str, text: str, told: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name}: ")
    assert told in problem
    assert "secret" not in problem


def test_an_unknown_variable_is_answered_with_the_nearest_known_one() -> None:
    assert problems(HODEI_DEVMODE="1") == ("HODEI_DEVMODE: no such variable; did you mean HODEI_DEV_MODE?",)
    assert problems(HODEI_XYZZY="1") == ("HODEI_XYZZY: no such variable; unset it",)


def test_variables_of_agents_and_tests_are_known_to_exist() -> None:
    read(HODEI_OTP_TOKEN="x", HODEI_SERVER="x", HODEI_TEST_ANYTHING="x", HODEI_REQUIRE="docker")


def test_the_password_of_the_database_is_never_shown() -> None:
    settings = read(HODEI_DATABASE_URL="postgres://me:hunter2@db:5432/hodei?sslmode=require")
    assert "hunter2" not in repr(settings)
    assert "postgresql://me:***@db:5432/hodei?sslmode=require" in repr(settings)
    assert settings.database_url == "postgres://me:hunter2@db:5432/hodei?sslmode=require"


def test_a_password_in_the_query_is_hidden_too() -> None:
    assert "hunter2" not in variables.without_password("postgresql:///x?host=/run&user=me&password=hunter2")


def test_a_socket_directory_stands_for_a_host() -> None:
    assert read(HODEI_DATABASE_URL="postgresql:///hodei?host=/run/postgresql").database_url


def test_only_loopback_addresses_count_as_this_machine() -> None:
    assert read(HODEI_BIND="localhost").loopback
    assert read(HODEI_BIND="[::1]").loopback
    assert not read(HODEI_BIND="0.0.0.0").loopback


def test_variables_of_providers_that_are_not_in_this_release_are_named() -> None:
    given = read(HODEI_K8S_ENABLED="1", HODEI_K8S_NAMESPACE="hodei-workers", HODEI_FC_KERNEL_PATH="/vmlinux")
    assert given.without_effect == ("HODEI_K8S_ENABLED", "HODEI_K8S_NAMESPACE", "HODEI_FC_KERNEL_PATH")
    assert read(HODEI_K8S_ENABLED="0", HODEI_K8S_NAMESPACE="jobs", HODEI_K8S_TEST="1").without_effect == ()


def test_docker_is_used_by_itself_unless_it_is_said_otherwise() -> None:
    assert read().docker_enabled is None
    assert read(HODEI_DOCKER_ENABLED="1").docker_enabled is True
    assert read(HODEI_DOCKER_ENABLED="no").docker_enabled is False
    assert read(DOCKER_HOST="tcp://127.0.0.1:2375").docker_host == "tcp://127.0.0.1:2375"
    assert read().docker_host == "unix:///var/run/docker.sock"


def test_docker_settings_that_make_no_sense_are_named() -> None:
    told = problems(
        DOCKER_HOST="ssh://x",
        HODEI_DOCKER_SERVER="here",
        HODEI_DOCKER_USER="root",
        HODEI_DOCKER_NETWORK="a b",
        HODEI_WORKER_IMAGE="A B",
    )
    assert told == (
        "HODEI_WORKER_IMAGE: 'A B' is no name of an image",
        "DOCKER_HOST: 'ssh://x' is no address of a Docker engine; write unix:///path or tcp://host:port",
        "HODEI_DOCKER_NETWORK: 'a b' is no name of a network",
        "HODEI_DOCKER_SERVER: 'here' is not host:port",
        "HODEI_DOCKER_USER: 'root' is neither UID nor UID:GID nor `image` (as the image has it)",
    )


def test_workers_may_be_told_of_several_servers() -> None:
    told = from_environment({"HODEI_SERVER_ADVERTISE": "a:1, [::1]:2", "HODEI_DOCKER_SERVER": "b:3,c:4"})
    assert (told.server_advertise, told.docker_server) == ("a:1,[::1]:2", "b:3,c:4")


@pytest.mark.parametrize("text", ["a", "a:1,", "a:0", "a:x", "http://a:1", "a:1/x"])
def test_what_is_no_list_of_servers_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"HODEI_SERVER_ADVERTISE: .* is not host:port"):
        from_environment({"HODEI_SERVER_ADVERTISE": text})


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgres://u:s%40x@h/n", "postgresql://u:***@h/n"),
        (
            "postgres://u@h1:1,h2:2/n?target_session_attrs=any",
            "postgresql://u@h1:1,h2:2/n?target_session_attrs=any",
        ),
        ("postgres://h1,h2:2/n", "postgresql://h1,h2:2/n"),
        ("postgres://[::1]:5433/n", "postgresql://[::1]:5433/n"),
        ("postgres://u@/n?host=/run/x&port=5433&password=s", "postgresql://u:***@/n?host=/run/x&port=5433"),
        ("host=h dbname=n user=u password=s sslpassword=t", "postgresql://u:***@h/n?sslpassword=***"),
        ("postgres://u:p%ss@h/n", "***"),
        ("postgres://u:secret@h", "postgresql://u:***@h/"),
    ],
)
def test_an_address_is_shown_without_its_secrets(given: str, shown: str) -> None:
    assert without_password(given) == shown


@pytest.mark.parametrize(
    "given", ["postgres://u:secret@h", "postgres://h1:1,h2:2/n?target_session_attrs=read-write", "service=x"]
)
def test_an_address_is_what_libpq_takes_for_one(given: str) -> None:
    assert read(HODEI_DATABASE_URL=given).database_url == given


def test_place_and_price_of_this_machine_are_read() -> None:
    given = read(
        HODEI_PROVIDER_REGION="eu", HODEI_PROVIDER_LABELS="zone=a, disk=ssd", HODEI_PROVIDER_COST="0.5"
    )
    assert (given.provider_region, given.provider_labels, given.provider_cost) == (
        "eu",
        {"zone": "a", "disk": "ssd"},
        0.5,
    )
    assert (read().provider_labels, read().provider_cost) == (None, None)


@pytest.mark.parametrize(
    "given",
    [{"HODEI_PROVIDER_LABELS": "zone"}, {"HODEI_PROVIDER_COST": "-1"}, {"HODEI_PROVIDER_COST": "nan"}],
)
def test_place_and_price_that_mean_nothing_are_named(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given))):
        read(**given)


@pytest.mark.parametrize(
    ("directives", "level"),
    [
        ("debug", "debug"),
        ("warn", "warning"),
        ("hodei_jobs_grpc::services=debug", "debug"),
        ("error,hodei=trace", "debug"),
        ("off", "error"),
        ("my_crate", "info"),
    ],
)
def test_without_a_level_of_its_own_the_most_detailed_of_rust_log_counts(directives: str, level: str) -> None:
    assert read(RUST_LOG=directives).log_level == level
    assert read(RUST_LOG=directives, HODEI_LOG_LEVEL="warning").log_level == "warning"
