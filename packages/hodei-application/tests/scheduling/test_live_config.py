"""What the settings store has kept of the scheduler's configuration."""

from datetime import timedelta

from hodei_application.testing import World
from hodei_domain.scheduling.config import SETTING


async def test_what_an_older_server_has_kept_and_is_refused_now_is_passed_over(world: World) -> None:
    async with world.store.begin() as tx:
        await tx.settings.put(SETTING, {"register_within": 0.001, "max_jobs": 7, "of_tomorrow": 1})
    config = await world.control.scheduler_config()
    assert (config.register_within, config.max_jobs) == (timedelta(minutes=5), 7)
