"""The wiring: the token, the provider's row, and what a restart keeps."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from platform import node
from typing import Any

import pytest
from hodei_domain.audit.record import AuditFilter
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.providers.provider import Provider
from hodei_infrastructure import bootstrap, system
from hodei_infrastructure.docker.testing import socket_path  # noqa: F401  (a fixture)
from hodei_infrastructure.postgres.testing import database_url, postgres_server  # noqa: F401  (fixtures)

ADDRESS = "127.0.0.1:9"


def settings(data_dir: Path, **fields: Any) -> bootstrap.Settings:
    return bootstrap.Settings(data_dir=data_dir, **{"docker_enabled": False, **fields})


def test_the_token_is_made_once_and_private(tmp_path: Path) -> None:
    place = settings(tmp_path / "new")
    token = bootstrap.local_token(place)
    assert len(token) > 40
    assert bootstrap.local_token(place) == token
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "token").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["token"]


@pytest.mark.parametrize(("text", "mode"), [("known", 0o644), ("", 0o600)])
def test_a_token_that_keeps_nobody_out_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    (tmp_path / "token").write_text(text)
    (tmp_path / "token").chmod(mode)
    with pytest.raises(bootstrap.StartError, match="token: "):
        bootstrap.local_token(settings(tmp_path))


async def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with bootstrap.database(settings(tmp_path / "file" / "x")) as starting:
        with pytest.raises(bootstrap.StartError, match="file/x: Not a directory"):
            await starting


async def test_a_database_that_is_named_is_used(tmp_path: Path) -> None:
    async with bootstrap.database(settings(tmp_path, database_url="postgres://a/b")) as starting:
        assert await starting == "postgres://a/b"


@pytest.mark.postgres
async def test_the_process_provider_keeps_its_row_over_restarts(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    first = await _provider(settings(tmp_path), database_url)
    again = await _provider(settings(tmp_path), database_url)
    assert (first.id, first.name, first.type) == (again.id, "process", "BARE_METAL")
    assert again.capabilities.max_resources.memory_mib > 0
    assert not again.capabilities.images


@pytest.mark.postgres
async def test_events_have_the_databases_time_from_the_first_one(
    database_url: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system, "now", lambda: datetime.now(UTC) + timedelta(hours=2))
    async with bootstrap.control_plane(settings(tmp_path), database_url, ADDRESS) as control:
        page = await control.get_audit(AuditFilter())
    assert "ProviderRegistered" in {record.event_type for record in page.records}
    for record in page.records:
        assert record.occurred_at < datetime.now(UTC) + timedelta(hours=1), record.event_type


@pytest.mark.postgres
async def test_what_an_operator_set_stays_until_the_environment_says_otherwise(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    async with bootstrap.control_plane(settings(tmp_path), database_url, ADDRESS) as control:
        await control.update_provider("process", {"max_workers": 3})
    assert (await _provider(settings(tmp_path), database_url)).max_workers == 3
    assert (await _provider(settings(tmp_path, process_max_workers=7), database_url)).max_workers == 7


@pytest.mark.postgres
async def test_each_machine_has_a_process_provider_of_its_own(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    first, second, third = (settings(tmp_path / name) for name in "123")
    async with bootstrap.control_plane(first, database_url, ADDRESS) as control:
        mine = (await control.provider_health("process")).provider
        async with (
            bootstrap.control_plane(second, database_url, ADDRESS) as other,
            bootstrap.control_plane(third, database_url, ADDRESS) as last,
        ):
            names = [view.provider.name for view in await other.list_providers()]
            assert names[:2] == ["process", f"process-{node()}"]
            assert names[2].startswith(f"process-{node()}-")
            assert (await other.provider_health(names[1])).provider.id != mine.id
            assert (await last.collect_garbage()).unreached == ()
    async with bootstrap.control_plane(first, database_url, ADDRESS) as control:
        assert (await control.provider_health("process")).provider.id == mine.id


@pytest.mark.postgres
async def test_a_row_that_was_renamed_is_found_again(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    async with bootstrap.control_plane(settings(tmp_path), database_url, ADDRESS) as control:
        await control.update_provider("process", {"name": "here"})
    async with bootstrap.control_plane(settings(tmp_path), database_url, ADDRESS) as control:
        (view,) = await control.list_providers()
        assert (view.provider.name, (await control.provider_health("here")).healthy) == ("here", True)


@pytest.mark.postgres
async def test_a_disabled_process_provider_is_not_registered(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    off = settings(tmp_path, process_enabled=False)
    async with bootstrap.control_plane(off, database_url, ADDRESS) as control:
        assert await control.list_providers() == []


@pytest.mark.postgres
async def test_docker_is_registered_when_its_engine_answers_and_keeps_its_row(
    database_url: str,  # noqa: F811
    tmp_path: Path,
    socket_path: str,  # noqa: F811
) -> None:
    auto = settings(tmp_path, docker_enabled=None, process_enabled=False, docker_host=f"unix://{socket_path}")
    first = await _provider(auto, database_url)
    again = await _provider(auto, database_url)
    assert (first.id, first.name, first.type) == (again.id, "docker", "DOCKER")
    assert again.capabilities.images
    assert again.capabilities.max_resources.memory_mib > 0


@pytest.mark.postgres
async def test_an_engine_that_is_not_there_is_not_registered_by_itself(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    auto = settings(tmp_path, docker_enabled=None, process_enabled=False, docker_host=f"unix://{tmp_path}/no")
    async with bootstrap.control_plane(auto, database_url, ADDRESS) as control:
        assert await control.list_providers() == []


@pytest.mark.postgres
async def test_an_engine_that_was_asked_for_is_registered_and_said_to_be_away(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    asked = settings(
        tmp_path, docker_enabled=True, process_enabled=False, docker_host=f"unix://{tmp_path}/no"
    )
    async with bootstrap.control_plane(asked, database_url, ADDRESS) as control:
        health = await control.provider_health("docker")
    assert not health.healthy
    assert f"{tmp_path}/no does not exist; start Docker" in health.message


@pytest.mark.postgres
async def test_what_an_operator_set_for_docker_stays(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    asked = settings(
        tmp_path, docker_enabled=True, process_enabled=False, docker_host=f"unix://{tmp_path}/no"
    )
    async with bootstrap.control_plane(asked, database_url, ADDRESS) as control:
        [view] = await control.list_providers()
        config = {**view.provider.config, "docker": {"network_mode": "ci"}}
        await control.update_provider("docker", {"config": config, "max_workers": 3})
        with pytest.raises(InvalidInput, match="network_mode"):
            await control.update_provider("docker", {"config": {"docker": {"network_mode": "a b"}}})
    again = await _provider(asked, database_url)
    assert (again.config["docker"], again.max_workers) == ({"network_mode": "ci"}, 3)


@pytest.mark.postgres
async def test_settings_reach_the_scheduler(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    said = settings(tmp_path, worker_idle_ttl=timedelta(seconds=7), worker_max_jobs=2, worker_min_idle=0)
    async with bootstrap.control_plane(said, database_url, ADDRESS) as control:
        config = await control.scheduler_config()
        assert (config.idle_ttl, config.max_jobs, config.min_idle) == (timedelta(seconds=7), 2, 0)
        assert control.is_ready()
    assert not control.is_live()


async def _provider(place: bootstrap.Settings, url: str) -> Provider:
    async with bootstrap.control_plane(place, url, ADDRESS) as control:
        (view,) = await control.list_providers()
    return view.provider
