"""What every provider's plugin promises, the one in memory and the real ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.provider import ProviderType
from hodei_domain.providers.records import PresenceState
from hodei_domain.testing.making import new_provider_id, new_worker_id
from hodei_domain.workers.otp import mint
from hodei_domain.workers.spec import WorkerSpec

MakeSpec = Callable[[], WorkerSpec]
GRACE = timedelta(seconds=1)


class WorkerProviderContract:
    """The ports of a ProviderPlugin. Fixtures destroy what a test leaves behind."""

    @pytest.fixture
    def plugin(self) -> ProviderPlugin:
        """The plugin, over an engine that has none of our workers."""
        raise NotImplementedError("define the fixture `plugin`")

    @pytest.fixture
    def make_spec(self) -> MakeSpec:
        """Specs of workers that this engine can make. Their server need not answer: port 9 discards."""
        return lambda: WorkerSpec(
            worker_id=new_worker_id(),
            provider_id=new_provider_id(),
            demand=ANY,
            server_address="127.0.0.1:9",
            otp_ttl=timedelta(minutes=5),
            expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1),
        )

    @pytest.fixture
    def impossible(self) -> DemandClass | None:
        """A class that this engine can never serve; None if there is none."""
        return None

    async def test_what_was_not_made_is_absent(self, plugin: ProviderPlugin) -> None:
        presence = await plugin.lifecycle.worker_status(new_worker_id())
        assert presence.state is PresenceState.ABSENT

    async def test_a_worker_that_was_made_is_there(self, plugin: ProviderPlugin, make_spec: MakeSpec) -> None:
        spec = make_spec()
        await plugin.lifecycle.create_worker(spec, token_for(spec))
        presence = await plugin.lifecycle.worker_status(spec.worker_id)
        await plugin.lifecycle.destroy_worker(spec.worker_id, GRACE)
        assert presence.state is not PresenceState.ABSENT

    async def test_making_a_worker_twice_makes_one(self, plugin: ProviderPlugin, make_spec: MakeSpec) -> None:
        spec = make_spec()
        await plugin.lifecycle.create_worker(spec, token_for(spec))
        await plugin.lifecycle.create_worker(spec, token_for(spec))
        found = await plugin.inventory.list_workers()
        await plugin.lifecycle.destroy_worker(spec.worker_id, GRACE)
        assert [worker.worker_id for worker in found] == [spec.worker_id]

    async def test_a_destroyed_worker_is_gone_and_destroying_it_again_is_no_error(
        self, plugin: ProviderPlugin, make_spec: MakeSpec
    ) -> None:
        spec = make_spec()
        await plugin.lifecycle.create_worker(spec, token_for(spec))
        for _ in range(2):
            await plugin.lifecycle.destroy_worker(spec.worker_id, GRACE)
            presence = await plugin.lifecycle.worker_status(spec.worker_id)
            assert presence.state is PresenceState.ABSENT
        assert await plugin.inventory.list_workers() == []

    async def test_destroying_what_never_was_is_no_error(self, plugin: ProviderPlugin) -> None:
        await plugin.lifecycle.destroy_worker(new_worker_id(), GRACE)

    async def test_destroying_one_leaves_the_others(
        self, plugin: ProviderPlugin, make_spec: MakeSpec
    ) -> None:
        first, second = make_spec(), make_spec()
        for spec in (first, second):
            await plugin.lifecycle.create_worker(spec, token_for(spec))
        await plugin.lifecycle.destroy_worker(first.worker_id, GRACE)
        found = await plugin.inventory.list_workers()
        await plugin.lifecycle.destroy_worker(second.worker_id, GRACE)
        assert [worker.worker_id for worker in found] == [second.worker_id]

    async def test_the_inventory_tells_when_each_expires(
        self, plugin: ProviderPlugin, make_spec: MakeSpec
    ) -> None:
        specs = [make_spec(), make_spec()]
        for spec in specs:
            await plugin.lifecycle.create_worker(spec, token_for(spec))
        found = await plugin.inventory.list_workers()
        for spec in specs:
            await plugin.lifecycle.destroy_worker(spec.worker_id, GRACE)
        expected = sorted((spec.worker_id, spec.expires_at) for spec in specs)
        assert [(worker.worker_id, worker.expires_at) for worker in found] == expected

    async def test_a_working_engine_is_healthy(self, plugin: ProviderPlugin) -> None:
        health = await plugin.health.check_health()
        assert health.healthy, health.message

    def test_the_default_class_can_be_served_and_an_impossible_one_cannot(
        self, plugin: ProviderPlugin, impossible: DemandClass | None
    ) -> None:
        assert plugin.eligibility.why_not(ANY) is None
        if impossible is not None:
            assert plugin.eligibility.why_not(impossible)

    def test_it_says_who_it_is(self, plugin: ProviderPlugin) -> None:
        assert plugin.name
        assert isinstance(plugin.type, ProviderType)

    async def test_estimates_are_not_negative(self, plugin: ProviderPlugin) -> None:
        if plugin.cost is not None:
            assert plugin.cost.estimate_cost(ANY) >= 0
            assert plugin.cost.startup_time(ANY) >= timedelta(0)

    async def test_logs_and_usage_of_what_is_not_there_are_empty(self, plugin: ProviderPlugin) -> None:
        if plugin.logs is not None:
            assert await plugin.logs.worker_logs(new_worker_id(), 10) == []
        if plugin.metrics is not None:
            assert await plugin.metrics.usage(new_worker_id()) is None


def token_for(spec: WorkerSpec) -> str:
    """A one-time password for it."""
    return mint(spec.worker_id, spec.provider_id, b"s" * 32, at=datetime.now(UTC))[0]
