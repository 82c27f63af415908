"""Providers, workers, scheduler, audit trail and the rest over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hodei_infrastructure.docker.config import DockerConfig
from hodei_rest.convert.provider_types import TYPES
from hodei_rest.examples import BODIES
from hodei_rest.schemas.providers import MASK

NOBODY = "00000000-0000-7000-8000-000000000000"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_a_provider_is_registered_changed_switched_and_forgotten(rest: Any) -> None:
    new = {"name": "far", "type": "TEST", "max_workers": 3, "pool": {"idle_ttl_ms": 1500}, "tags": ["a"]}
    made = await rest.client.post("/api/v1/providers", json=new)
    told = made.json()
    assert (made.status_code, made.headers["location"]) == (201, f"/api/v1/providers/{told['id']}")
    assert (told["max_workers"], told["pool"]["idle_ttl_ms"]) == (3, 1500)
    assert told["cost"] == {"per_hour": 0.0, "startup_ms": 1000}
    assert code_of(await rest.client.post("/api/v1/providers", json=new)) == (409, "provider.already-exists")
    by_name = (await rest.client.get("/api/v1/providers/far")).json()
    assert by_name["id"] == told["id"]
    changed = await rest.client.patch("/api/v1/providers/far", json={"max_workers": 5})
    assert (changed.json()["max_workers"], changed.json()["tags"]) == (5, ["a"])
    assert (await rest.client.post("/api/v1/providers/far/disable")).json()["enabled"] is False
    assert (await rest.client.post("/api/v1/providers/far/enable")).json()["enabled"] is True
    assert (await rest.client.get("/api/v1/providers/far/health")).json()["healthy"] is True
    assert [each["name"] for each in (await rest.client.get("/api/v1/providers?type=TEST")).json()] == ["far"]
    assert (await rest.client.delete("/api/v1/providers/far")).status_code == 204
    assert code_of(await rest.client.get("/api/v1/providers/far")) == (404, "provider.not-found")


async def test_region_labels_and_price_of_a_provider_are_set_shown_and_taken_back(rest: Any) -> None:
    own = {"region": "eu", "labels": {"disk": "ssd"}, "cost_per_hour": 0.5}
    made = await rest.client.post("/api/v1/providers", json={"name": "far", "type": "TEST"} | own)
    told = made.json()
    assert (told["own"], told["region"], told["cost"]["per_hour"]) == (own, "eu", 0.5)
    assert told["labels"]["disk"] == "ssd"
    back = {"region": "", "labels": {}, "cost_per_hour": None}
    told = (await rest.client.patch("/api/v1/providers/far", json=back)).json()
    assert (told["own"], told["region"], told["cost"]["per_hour"]) == (back, "", 0.0)
    wrong = await rest.client.patch("/api/v1/providers/far", json={"cost_per_hour": -1})
    assert wrong.status_code == 422


async def test_a_change_of_what_was_changed_meanwhile_is_a_412(rest: Any) -> None:
    await rest.world.add_provider("far")
    shown = (await rest.client.get("/api/v1/providers/far")).headers["etag"]
    first = await rest.client.patch(
        "/api/v1/providers/far", json={"max_workers": 5}, headers={"if-match": shown}
    )
    assert first.status_code == 200
    late = await rest.client.patch(
        "/api/v1/providers/far", json={"max_workers": 9}, headers={"if-match": shown}
    )
    assert code_of(late) == (412, "changed-since-shown")
    assert (await rest.client.get("/api/v1/providers/far")).json()["max_workers"] == 5


async def test_secrets_of_a_provider_are_never_shown_and_kept_when_they_come_back_masked(rest: Any) -> None:
    config = {
        "url": "https://me:hunter2@far.example/x",
        "api_token": "hunter2",
        "inner": {"password": "hunter2"},
    }
    await rest.client.post("/api/v1/providers", json={"name": "far", "type": "CUSTOM", "config": config})
    for path in ("/api/v1/providers/far", "/api/v1/providers", "/api/v1/audit-logs"):
        assert "hunter2" not in (await rest.client.get(path)).text
    shown = (await rest.client.get("/api/v1/providers/far")).json()["config"]
    assert shown["api_token"] == MASK
    answer = await rest.client.patch("/api/v1/providers/far", json={"config": {**shown, "extra": 1}})
    assert "hunter2" not in answer.text
    row = (await rest.world.control.get_provider("far")).provider.config["custom"]
    assert row == {**config, "extra": 1}
    await rest.client.patch("/api/v1/providers/far", json={"config": {"extra": None, "api_token": "new"}})
    row = (await rest.world.control.get_provider("far")).provider.config["custom"]
    assert (row["api_token"], "extra" in row) == ("new", False)


async def test_a_provider_that_makes_no_sense_is_refused_at_its_field(rest: Any) -> None:
    for body, field in (
        ({"name": "", "type": "TEST"}, "name"),
        ({"name": "a", "type": "MOON"}, "type"),
        ({"name": "a", "type": "TEST", "pool": {"min_idle": 3, "max_workers": 1}}, "pool.min_idle"),
        ({"name": "a", "type": "TEST", "pools": [{"image": "x" * 2000}]}, "pools[0].image"),
    ):
        answer = await rest.client.post("/api/v1/providers", json=body)
        assert code_of(answer) == (422, "invalid")
        assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_a_server_that_makes_no_workers_says_that_it_cannot_try_a_provider(rest: Any) -> None:
    answer = await rest.client.post("/api/v1/providers/test", json={"name": "a", "type": "DOCKER"})
    assert code_of(answer) == (503, "provider.no-trial")
    assert (await rest.client.get("/api/v1/providers")).json() == []


def test_a_form_may_ask_for_every_setting_of_docker() -> None:
    (docker,) = [each for each in TYPES if each.type == "DOCKER"]
    settings = {each.name: each.default for each in docker.settings}
    usual = DockerConfig()
    assert set(settings) == {each.name for each in DockerConfig.__attrs_attrs__}  # type: ignore[attr-defined]
    assert {name: default for name, default in settings.items() if default is not None} == {
        name: getattr(usual, name) for name, default in settings.items() if default is not None
    }


async def test_workers_are_listed_shown_drained_and_terminated(rest: Any) -> None:
    agent = await rest.world.add_worker(labels={"zone": "a"})
    (told,) = (await rest.client.get("/api/v1/workers")).json()
    assert (told["id"], told["state"], told["connected"]) == (str(agent.worker_id), "READY", True)
    assert (await rest.client.get("/api/v1/workers?state=BUSY")).json() == []
    path = f"/api/v1/workers/{agent.worker_id}"
    assert (await rest.client.get(path)).json()["labels"]["zone"] == "a"
    assert code_of(await rest.client.get(f"{path}/logs")) == (409, "worker.no-logs")
    job = await rest.world.running(agent)
    busy = await rest.client.post(f"{path}/terminate", json={"force": False})
    assert code_of(busy) == (409, "worker.busy")
    drained = await rest.client.post(f"{path}/drain", json={"within_ms": 60000})
    assert (drained.json()["state"], drained.json()["job_id"]) == ("DRAINING", str(job.id))
    assert (await rest.client.post(f"{path}/terminate")).json()["state"] == "TERMINATING"
    assert code_of(await rest.client.get(f"/api/v1/workers/{NOBODY}")) == (404, "worker.not-found")
    assert code_of(await rest.client.post(f"/api/v1/workers/{NOBODY}/drain")) == (404, "worker.not-found")


async def test_the_queue_the_scheduler_and_its_decisions_are_told(rest: Any) -> None:
    job = await rest.world.submit(image="alpine:3.20")
    queue = (await rest.client.get("/api/v1/queue")).json()
    assert (queue["by_state"]["PENDING"], queue["classes"][0]["image"]) == (1, "alpine:3.20")
    assert queue["oldest_pending_at"] == queue["classes"][0]["oldest_at"]
    assert code_of(await rest.client.get(f"/api/v1/scheduler/decisions/{job.id}")) == (
        404,
        "decision.not-found",
    )
    agent = await rest.world.add_worker()
    running = await rest.world.running(agent)
    decision = (await rest.client.get(f"/api/v1/scheduler/decisions/{running.id}")).json()
    assert (decision["worker_id"], decision["attempt"]) == (str(agent.worker_id), 1)
    changed = await rest.client.patch("/api/v1/scheduler", json={"idle_ttl_ms": 1500, "min_idle": 2})
    assert changed.status_code == 200
    told = (await rest.client.get("/api/v1/scheduler")).json()
    assert (told["idle_ttl_ms"], told["min_idle"], told["create_batch"]) == (1500, 2, 16)
    wrong = await rest.client.patch("/api/v1/scheduler", json={"worker_strategy": "Luck"})
    assert [each["field"] for each in wrong.json()["errors"]] == ["worker_strategy"]


async def test_the_audit_trail_is_paged_and_filtered(rest: Any) -> None:
    jobs = [await rest.world.submit() for _ in range(5)]
    seen, path = [], "/api/v1/audit-logs?type=JobCreated&limit=2"
    while path:
        answer = await rest.client.get(path)
        seen += [each["correlation_id"] for each in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert seen == [str(job.id) for job in reversed(jobs)]
    (one,) = (await rest.client.get(f"/api/v1/audit-logs?correlation_id={jobs[2].id}")).json()
    assert (one["event_type"], one["payload"]["job_id"]) == ("JobCreated", str(jobs[2].id))
    assert (await rest.client.get("/api/v1/audit-logs?before=2000-01-01T00:00:00Z")).json() == []


async def test_the_installation_is_seen_at_a_glance(rest: Any) -> None:
    await rest.world.add_provider("far")
    await rest.world.submit()
    await rest.world.add_worker()
    told = (await rest.client.get("/api/v1/system")).json()
    assert told["database"]["ok"] is True
    assert (told["jobs"]["PENDING"], told["workers"]) == (1, {"READY": 1})
    assert [each["name"] for each in told["providers"]] == ["far"]
    assert (told["replicas"], told["dev_mode"]) == (1, True)
    assert (await rest.client.get("/api/v1/images")).json() == []


async def test_health_says_whether_it_lives_and_serves(rest: Any) -> None:
    assert (await rest.client.get("/health")).status_code == 503  # its loops do not run yet
    await rest.world.control.start()
    try:
        answer = await rest.client.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "live": True, "ready": True})
        assert (await rest.client.get("/health/live")).status_code == 200
        assert (await rest.client.get("/health/ready")).status_code == 200
    finally:
        await rest.world.control.stop()


async def test_the_description_names_every_route_and_the_page_needs_nothing_from_elsewhere(rest: Any) -> None:
    document = (await rest.client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/jobs/{job_id}/logs/live" in document["paths"]
    text = json.dumps(document)
    for reference in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"], reference
    page = (await rest.client.get("/docs")).text
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


async def test_every_example_of_the_description_is_taken(rest: Any) -> None:
    await rest.world.add_provider("far")
    job = await rest.world.submit()
    agent = await rest.world.add_worker()
    names = {"job_id": job.id, "provider": "far", "worker_id": agent.worker_id}
    for (method, path), examples in BODIES.items():
        if path.endswith("/retry"):
            await rest.client.post(f"/api/v1/jobs/{job.id}/cancel")
        for name, example in examples.items():
            answer = await rest.client.request(method, path.format(**names), json=example["value"])
            assert answer.status_code in (200, 201), (path, name, answer.text)


async def test_a_setting_of_the_scheduler_beyond_its_bounds_is_refused_by_its_name(rest: Any) -> None:
    before = (await rest.client.get("/api/v1/scheduler")).json()
    for name, value in (("register_within_ms", 1), ("max_lifetime_ms", 1), ("requeue_delay_ms", 10**8)):
        answer = await rest.client.patch("/api/v1/scheduler", json={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)
    assert (await rest.client.get("/api/v1/scheduler")).json() == before
