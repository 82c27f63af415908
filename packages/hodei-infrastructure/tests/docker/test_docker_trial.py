"""A provider is tried out before it is saved: it is asked, and nothing stays of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.testing.making import T0, new_job_id
from hodei_infrastructure.docker.reaching import no_door
from hodei_infrastructure.providers import Providers
from hodei_infrastructure.settings import Settings


def a_row(type: ProviderType = ProviderType.DOCKER, **docker: object) -> Provider:
    config = {"docker": docker} if docker else {}
    return Provider.register(new_job_id(), "new", type, at=T0, config=config).after  # type: ignore[arg-type]


@pytest.fixture
def providers(tmp_path: Path) -> Providers:
    return Providers(
        settings=Settings(data_dir=tmp_path),
        installation="test",
        server_address="127.0.0.1:9",
        open_door=no_door,
    )


async def test_an_engine_that_answers_says_what_it_can_and_is_let_go(
    providers: Providers, socket_path: str
) -> None:
    tasks = asyncio.all_tasks()
    async with providers.trial(a_row(server="127.0.0.1:9", socket_path=socket_path)) as plugin:
        assert plugin is not None
        assert plugin.capabilities.max_resources.memory_mib > 0
        assert (await plugin.health.check_health()).healthy
    assert asyncio.all_tasks() == tasks
    await providers.close()


async def test_an_engine_that_does_not_answer_says_why(providers: Providers, tmp_path: Path) -> None:
    async with providers.trial(a_row(socket_path=f"unix://{tmp_path}/nothing")) as plugin:
        assert plugin is not None
        found = await plugin.health.check_health()
    assert (found.healthy, f"{tmp_path}/nothing" in found.message) == (False, True)
    await providers.close()


async def test_settings_that_make_no_sense_are_refused(providers: Providers) -> None:
    with pytest.raises(InvalidInput) as refused:
        async with providers.trial(a_row(socket_path="nonsense")):
            pass
    assert refused.value.field == "docker.socket_path"
    await providers.close()


async def test_of_other_types_there_is_nothing_to_try(providers: Providers) -> None:
    async with providers.trial(a_row(ProviderType.EC2)) as plugin:
        assert plugin is None
    await providers.close()
