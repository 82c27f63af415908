from typing import Any

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import WorkerNotCreated
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.testing.making import MINUTE, T0, new_provider_id


def registered(**settings: Any) -> Provider:
    return Provider.register(new_provider_id(), "docker", ProviderType.DOCKER, at=T0, **settings).after


def test_a_new_provider_serves() -> None:
    change = Provider.register(new_provider_id(), "docker", ProviderType.DOCKER, at=T0)
    assert change.after.takes_work
    assert change.events[0].payload() == {
        "provider_id": str(change.after.id),
        "name": "docker",
        "type": "DOCKER",
    }


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"max_workers": -1}, "max_workers"),
        ({"priority": 1.5}, "priority"),
        ({"capabilities": None}, "capabilities"),
        ({"tags": ("\0",)}, "tags[0]"),
        ({"metadata": {"": ""}}, "metadata"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        registered(**settings)
    assert caught.value.field == field


def test_a_name_is_needed() -> None:
    for name in ("", " ", "x" * 129):
        with pytest.raises(InvalidInput, match="name"):
            Provider.register(new_provider_id(), name, ProviderType.DOCKER, at=T0)


def test_an_update_tells_which_fields_changed_and_not_their_values() -> None:
    change = registered().update(at=T0, priority=5, config={"password": "hunter2"}, max_workers=10)
    [event] = change.events
    assert event.payload()["fields"] == ["config", "priority"]
    assert "hunter2" not in repr(change)
    assert change.after.priority == 5


def test_an_update_that_changes_nothing_is_no_move() -> None:
    assert registered(priority=5).update(at=T0, priority=5).is_same
    assert registered().update(at=T0).is_same


def test_what_is_not_a_setting_cannot_be_updated() -> None:
    with pytest.raises(InvalidInput, match="failures, id"):
        registered().update(at=T0, id=new_provider_id(), failures=0)
    with pytest.raises(InvalidInput, match="max_workers"):
        registered().update(at=T0, max_workers=-1)


def test_switching_off_and_on_is_told_once() -> None:
    provider = registered()
    off = provider.disable(at=T0)
    assert (off.after.enabled, off.after.status, off.after.takes_work) == (
        False,
        ProviderStatus.DISABLED,
        False,
    )
    assert off.after.disable(at=T0).is_same
    on = off.after.enable(at=T0)
    assert on.after.takes_work
    assert on.after.enable(at=T0).is_same
    assert [event.payload()["fields"] for event in (*off.events, *on.events)] == [["enabled"], ["enabled"]]


def test_one_failure_degrades_and_three_in_a_row_make_unhealthy() -> None:
    provider = registered()
    statuses, events = [], []
    for healthy in (False, False, False, False, True, True):
        change = provider.report_health(healthy, "no socket", at=T0 + MINUTE)
        provider = change.after
        statuses.append(provider.status.value)
        events += [event.type for event in change.events]
    assert statuses == ["DEGRADED", "DEGRADED", "UNHEALTHY", "UNHEALTHY", "ACTIVE", "ACTIVE"]
    assert events == ["ProviderHealthChanged", "ProviderHealthChanged", "ProviderRecovered"]
    assert provider.failures == 0


def test_a_degraded_provider_serves_and_an_unhealthy_one_does_not() -> None:
    provider = registered().report_health(False, "x", at=T0).after
    assert provider.takes_work
    for _ in range(2):
        provider = provider.report_health(False, "x", at=T0).after
    assert not provider.takes_work


def test_a_health_change_is_told_with_its_message() -> None:
    [event] = registered().report_health(False, "no socket", at=T0).events
    assert event.payload() | {"provider_id": ""} == {
        "provider_id": "",
        "name": "docker",
        "old_status": "ACTIVE",
        "new_status": "DEGRADED",
        "message": "no socket",
    }


def test_a_probe_does_not_lift_maintenance() -> None:
    provider = registered().update(at=T0, status=ProviderStatus.MAINTENANCE).after
    for healthy in (True, False):
        change = provider.report_health(healthy, "", at=T0)
        assert change.after.status is ProviderStatus.MAINTENANCE
        assert change.events == ()


def test_removal_is_an_event() -> None:
    provider = registered()
    event = provider.removed(at=T0)
    assert (event.type, event.payload()["name"]) == ("ProviderRemoved", "docker")
    assert event.at > provider.updated_at


def test_capabilities_go_through_json_and_may_lack_fields() -> None:
    full = Capabilities(
        max_resources=Resources(cpu_cores=2),
        gpu=True,
        gpu_types=["a100"],
        architectures=["x86_64"],
        images=True,
        regions=["eu"],
        labels={"a": "b"},
        max_execution=MINUTE,
    )
    assert Capabilities.from_json(full.to_json()) == full
    assert full.architectures == {"amd64"}
    assert Capabilities.from_json(Capabilities().to_json()) == Capabilities()
    assert Capabilities.from_json({}) == Capabilities()


@pytest.mark.parametrize("fields", [{"gpu_types": ["\0"]}, {"labels": {"": ""}}, {"max_resources": 5}])
def test_capabilities_out_of_bounds_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Capabilities(**fields)


def test_a_refused_worker_says_whether_to_try_again() -> None:
    assert not WorkerNotCreated("busy").final
    refused = WorkerNotCreated("manifest unknown", reason="image-pull", final=True)
    assert (refused.message, refused.reason, refused.final) == ("manifest unknown", "image-pull", True)
