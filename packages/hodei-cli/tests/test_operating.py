"""Providers, their pools and their workers on the command line: what is asked of a server, what is shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hodei_cli.exits import Exit
from hodei_cli.main import run
from hodei_grpc.methods import ProviderManagementService, WorkerService
from hodei_proto.wire import hodei as wire
from hodei_proto.wire.hodei import providers as wire_providers

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
WORKER = "0192f3c4-1a5b-7c3d-8e9f-0a1b2c3d4e5f"
Output = pytest.CaptureFixture[str]


def test_workers_are_listed_shown_and_drained(server: Any, capsys: Output) -> None:
    worker = wire.WorkerView(
        id="w", state="BUSY", provider="local", current_job_id="1", jobs_done=3, created_at=AT
    )
    server.answers[WorkerService.list_workers] = lambda _: wire.ListWorkersResponse(workers=[worker])
    server.answers[WorkerService.get_worker] = lambda _: wire.GetWorkerResponse(worker=worker)
    server.answers[WorkerService.drain_worker] = lambda _: wire.DrainWorkerResponse(worker=worker)
    assert run(["worker", "list", "--state", "busy"]) == 0
    assert "BUSY" in capsys.readouterr().out
    assert server.asked("ListWorkers")[0].state == "BUSY"
    assert run(["worker", "get", "w", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs_done"] == 3
    assert run(["worker", "drain", "w", "--deadline", "10m", "--reason", "kernel"]) == 0
    assert server.asked("DrainWorker")[0] == wire.DrainWorkerRequest(
        worker_id="w", deadline=timedelta(minutes=10), reason="kernel"
    )


def test_no_workers_are_explained(server: Any, capsys: Output) -> None:
    server.answers[WorkerService.list_workers] = lambda _: wire.ListWorkersResponse()
    assert run(["worker", "list"]) == 0
    assert "come when there are jobs" in capsys.readouterr().out


@pytest.fixture
def providers(server: Any) -> Any:
    listing = wire.ProviderListing(
        name="local", type="BARE_METAL", enabled=True, id="p1", status="ACTIVE", max_workers=4
    )
    health = wire.GetProviderHealthResponse(
        name="local", healthy=True, status="ACTIVE", message="fine", checked_at=AT
    )
    service = ProviderManagementService
    server.answers[service.list_providers] = lambda _: wire.ListProvidersResponse(providers=[listing])
    server.answers[service.get_provider_health] = lambda _: health
    rules = wire_providers.PoolRules(idle_ttl=timedelta(minutes=2), max_jobs=9)
    big = wire_providers.PoolResources(cpu_cores=2)
    config = wire_providers.ProviderConfig(
        id="p1",
        name="local",
        priority=3,
        pool=rules,
        pools=[
            wire_providers.Pool(image="alpine", rules=rules),
            wire_providers.Pool(image="alpine", resources=big, rules=wire_providers.PoolRules(min_idle=1)),
        ],
    )
    server.answers[service.get_provider] = lambda _: wire_providers.GetProviderResponse(provider=config)
    server.answers[service.update_provider] = lambda r: wire_providers.UpdateProviderResponse(
        provider=r.provider
    )
    server.answers[service.enable_provider] = lambda _: wire_providers.EnableProviderResponse()
    server.answers[service.disable_provider] = lambda _: wire_providers.DisableProviderResponse()
    return server


def test_providers_are_listed_shown_and_switched_by_name(providers: Any, capsys: Output) -> None:
    assert run(["provider", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "local",
        "BARE_METAL",
        "ACTIVE",
        "yes",
        "0",
        "4",
        "p1",
    ]
    assert run(["provider", "get", "local", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["message"] == "fine"
    assert run(["provider", "disable", "local"]) == 0
    assert run(["provider", "enable", "p1"]) == 0
    assert [each.provider_id for each in providers.asked("DisableProvider")] == ["p1"]
    assert [each.provider_id for each in providers.asked("EnableProvider")] == ["p1"]


def test_a_provider_is_forgotten_by_name(providers: Any, capsys: Output) -> None:
    providers.answers[ProviderManagementService.delete_provider] = lambda _: (
        wire_providers.DeleteProviderResponse(success=True)
    )
    assert run(["provider", "delete", "local"]) == 0
    assert [each.provider_id for each in providers.asked("DeleteProvider")] == ["p1"]
    assert capsys.readouterr().out == "local  forgotten\n"
    assert run(["provider", "delete", "nowhere"]) == Exit.NOT_FOUND


def set_to(providers: Any, *options: str) -> wire_providers.ProviderConfig:
    assert run(["provider", "set", "local", *options]) == 0
    asked: wire_providers.ProviderConfig = providers.asked("UpdateProvider")[-1].provider
    assert (asked.id, asked.name) == ("p1", "")
    return asked


def test_a_providers_pools_are_shown(providers: Any, capsys: Output) -> None:
    assert run(["provider", "get", "local", "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["pool"] == {"idle_ttl": 120.0, "max_jobs": 9}
    assert shown["pools"]["alpine, 2 cores"] == {"min_idle": 1}


def test_rules_for_all_pools_are_set_one_by_one(providers: Any, capsys: Output) -> None:
    asked = set_to(providers, "--min-idle", "2", "--idle-ttl", "30s", "--drain-within", "1m")
    assert asked.pool == wire_providers.PoolRules(
        min_idle=2, idle_ttl=timedelta(seconds=30), max_jobs=9, drain_within=timedelta(minutes=1)
    )
    assert (asked.pools, asked.max_workers, asked.priority) == ([], 0, 3)
    assert "min_idle=2" in capsys.readouterr().out


def test_the_limit_of_a_provider_is_its_own_and_that_of_an_image_its_pools(providers: Any) -> None:
    asked = set_to(providers, "--max-workers", "20", "--priority", "7")
    assert (asked.max_workers, asked.pool, asked.pools, asked.priority) == (20, None, [], 7)
    asked = set_to(providers, "--image", "alpine", "--max-workers", "2", "--unset", "max-jobs")
    rules = wire_providers.PoolRules(max_workers=2, idle_ttl=timedelta(minutes=2))
    assert (asked.pools, asked.max_workers, asked.pool) == (
        [wire_providers.Pool(image="alpine", rules=rules)],
        0,
        None,
    )


def test_region_labels_and_price_are_sent_where_they_are_given(providers: Any) -> None:
    asked = set_to(providers, "--region", "eu", "--label", "disk=ssd", "--label", "gone=", "--cost", "0.5")
    assert asked.labels is not None
    assert (asked.region, asked.labels.labels, asked.cost_per_hour) == ("eu", {"disk": "ssd"}, 0.5)
    asked = set_to(providers, "--max-workers", "3")
    assert (asked.region, asked.labels, asked.cost_per_hour) == (None, None, None)
    assert set_to(providers, "--region", "").region == ""


def test_a_pool_may_be_for_certain_resources_only(providers: Any) -> None:
    asked = set_to(providers, "--image", "alpine", "--cpu", "2", "--max-lifetime", "1h")
    [pool] = asked.pools
    assert pool.resources == wire_providers.PoolResources(cpu_cores=2)
    assert pool.rules == wire_providers.PoolRules(min_idle=1, max_lifetime=timedelta(hours=1))
    [pool] = set_to(providers, "--memory", "64Mi", "--min-idle", "1").pools
    assert (pool.image, pool.resources) == ("", wire_providers.PoolResources(memory_bytes=64 * 2**20))


def test_the_rules_of_a_pool_are_dropped(providers: Any) -> None:
    [pool] = set_to(providers, "--image", "alpine", "--reset").pools
    assert pool.rules == wire_providers.PoolRules()
    assert set_to(providers, "--reset", "--max-jobs", "1").pool == wire_providers.PoolRules(max_jobs=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "there is nothing to change"),
        (["--image", "alpine"], "there is nothing to change"),
        (["--max-workers", "0"], "--max-workers 0"),
        (["--min-idle", "-1"], "--min-idle"),
        (["--idle-ttl", "soon"], "--idle-ttl"),
        (["--unset", "color"], "--unset"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    providers: Any, capsys: Output, options: list[str], words: str
) -> None:
    assert run(["provider", "set", "local", *options]) == Exit.USAGE
    assert words in capsys.readouterr().err
    assert providers.asked("UpdateProvider") == []


def test_a_worker_is_ended_and_its_lost_job_named(server: Any, capsys: Output) -> None:
    worker = wire.WorkerView(
        id="w", state="TERMINATING", image="alpine", pull=wire.ImagePullPolicy.ALWAYS, max_jobs=1
    )
    server.answers[WorkerService.terminate_worker] = lambda _: wire.TerminateWorkerResponse(
        worker=worker, lost_job_id="1"
    )
    assert run(["worker", "terminate", WORKER, "--reason", "hangs", "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["lost_job"], shown["image"], shown["pull"], shown["max_jobs"]) == (
        "1",
        "alpine",
        "always",
        1,
    )
    assert server.asked("TerminateWorker") == [wire.TerminateWorkerRequest(worker_id=WORKER, reason="hangs")]


def test_what_an_agent_wrote_is_printed_without_what_could_steer_the_terminal(
    server: Any, capsys: Output
) -> None:
    told = wire.GetWorkerLogsResponse(lines=["a\x1b[2J", "b"], truncated=True)
    server.answers[WorkerService.get_worker_logs] = lambda _: told
    assert run(["worker", "logs", WORKER, "--tail", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "a\\x1b[2J\nb\n"
    assert "the oldest lines are missing" in shown.err
    assert server.asked("GetWorkerLogs") == [wire.GetWorkerLogsRequest(worker_id=WORKER, tail_lines=2)]
    assert run(["worker", "logs", WORKER, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["a\x1b[2J", "b"]
    server.answers[WorkerService.get_worker_logs] = lambda _: wire.GetWorkerLogsResponse()
    assert run(["worker", "logs", WORKER]) == 0
    assert "wrote nothing" in capsys.readouterr().out


def test_what_is_left_over_is_shown_and_what_could_not_be_removed_is_a_failure(
    server: Any, capsys: Output
) -> None:
    service = ProviderManagementService
    orphan = wire.Orphan(provider="docker", worker_id="w", why="nobody knows it", presence="RUNNING")
    server.answers[service.collect_garbage] = lambda _: wire.CollectGarbageResponse(orphans=[orphan])
    assert run(["gc", "--dry-run"]) == 0
    assert "nobody knows it" in capsys.readouterr().out
    assert server.asked("CollectGarbage") == [wire.CollectGarbageRequest(dry_run=True)]
    assert run(["gc"]) == Exit.UNAVAILABLE
    orphan.removed = True
    assert run(["gc"]) == 0
    away = wire.UnreachedProvider(provider="docker", message="connection refused")
    server.answers[service.collect_garbage] = lambda _: wire.CollectGarbageResponse(unreached=[away])
    capsys.readouterr()
    assert run(["gc"]) == Exit.UNAVAILABLE
    shown = capsys.readouterr()
    assert shown.out == "Nothing is left over.\n"
    assert shown.err == "hodei: provider docker could not be looked through: connection refused\n"


def test_history_is_forgotten_until_there_is_no_more(server: Any, capsys: Output) -> None:
    answers = [
        wire.ForgetHistoryResponse(jobs=1000, workers=3, more=True),
        wire.ForgetHistoryResponse(jobs=7),
    ]
    server.answers[ProviderManagementService.forget_history] = lambda _: answers.pop(0)
    assert run(["gc", "--history", "--older-than", "90d", "--keep", "5"]) == 0
    assert capsys.readouterr().out == "1007 jobs and 3 workers are forgotten.\n"
    asked = wire.ForgetHistoryRequest(older_than=timedelta(days=90), keep_jobs=5)
    assert server.asked("ForgetHistory") == [asked, asked]
    answers.append(wire.ForgetHistoryResponse(jobs=12))
    assert run(["gc", "--history", "--dry-run", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": 12, "workers": 0, "dry_run": True}
    assert run(["gc", "--keep", "5"]) == Exit.USAGE
    assert "--history" in capsys.readouterr().err


def test_an_unknown_provider_is_named_with_those_there_are(providers: Any, capsys: Output) -> None:
    assert run(["provider", "disable", "docker"]) == Exit.NOT_FOUND
    assert capsys.readouterr().err == "hodei: there is no provider 'docker'\n  There are: local\n"
