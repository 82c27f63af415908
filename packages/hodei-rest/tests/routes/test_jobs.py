"""Jobs over HTTP."""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

import httpx
import pytest

TRUE = {"spec": {"command": ["true"]}}
NOBODY = "00000000-0000-7000-8000-000000000000"


async def submit(rest: Any, **spec: Any) -> dict[str, Any]:
    answer = await rest.client.post("/api/v1/jobs", json={"spec": {"command": ["true"], **spec}})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def fields_of(answer: httpx.Response) -> list[str]:
    return [each["field"] for each in answer.json()["errors"]]


async def test_a_job_is_stored_shown_and_found(rest: Any) -> None:
    body = {"spec": {"command": ["echo", "hello"], "env": {"DEBUG": "true"}, "timeout_ms": 10000}}
    answer = await rest.client.post("/api/v1/jobs", json=body | {"correlation_id": "manual-test"})
    job = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    shown = (await rest.client.get(answer.headers["location"])).json()
    assert shown["spec"]["command"] == ["echo", "hello"]
    assert shown["spec"]["env"] == {"DEBUG": "true"}
    assert (shown["spec"]["timeout_ms"], shown["correlation_id"]) == (10000, "manual-test")
    assert (shown["state"], shown["attempts"]) == ("PENDING", [])
    assert shown["pending_reasons"][0]["reason"].startswith("there is no provider")
    assert [each["id"] for each in (await rest.client.get("/api/v1/jobs")).json()] == [job["id"]]


async def test_a_job_is_found_by_what_people_call_it(rest: Any) -> None:
    job = await submit(rest, name="nightly")
    await submit(rest, name="other")

    async def resolved(reference: str, **more: str) -> list[str]:
        answer = await rest.client.get("/api/v1/jobs/resolve", params={"reference": reference} | more)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()]

    for reference in (job["id"], job["id"][-8:], "nightly"):
        assert await resolved(reference) == [job["id"]]
    nobodys = await rest.client.get("/api/v1/jobs/resolve", params={"reference": "@last", "owner": "eve"})
    assert code_of(nobodys) == (404, "job.not-found")
    assert (await rest.client.get("/api/v1/jobs/resolve")).status_code == 422
    found = await rest.client.get("/api/v1/jobs", params={"name": job["id"][-8:]})
    assert [each["id"] for each in found.json()] == [job["id"]]


async def test_the_same_submission_twice_is_one_job_and_another_under_its_name_is_refused(rest: Any) -> None:
    id = str(uuid.uuid4())
    for by_id, headers in (({"id": id}, {}), ({}, {"idempotency-key": "once"})):
        first = await rest.client.post("/api/v1/jobs", json=TRUE | by_id, headers=headers)
        again = await rest.client.post("/api/v1/jobs", json=TRUE | by_id, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        other = {"spec": {"command": ["false"]}} | by_id
        refused = await rest.client.post("/api/v1/jobs", json=other, headers=headers)
        assert code_of(refused) == (409, "job.already-exists")


async def test_a_retry_twice_under_one_key_is_one_job_and_a_key_is_its_owners(rest: Any) -> None:
    job = await submit(rest)
    await rest.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    headers = {"idempotency-key": "again"}
    first, second = [
        await rest.client.post(f"/api/v1/jobs/{job['id']}/retry", headers=headers) for _ in range(2)
    ]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"] != job["id"]
    theirs = await rest.client.post("/api/v1/jobs", json=TRUE, headers=headers | {"x-actor-id": "bob"})
    assert (theirs.status_code, theirs.json()["id"] != first.json()["id"]) == (201, True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"spec": {"command": "\xff\xfe"}}',
        b"\xff\xfe",
        b'{"spec": {"command": ["\xc3"]}}',
        b'{"spec": {"command": "\\ud800"}}',
        b'{"spec": {"command": "a\\u0000b"}}',
        b'{"spec": {"command": "true", "max_losses": ' + b"9" * 5000 + b"}}",
        b'{"spec": {"command": "true", "max_budget": 1e999}}',
        b'{"spec": ' + b"[" * 100_000,
        b'{"spec": {"command": "true", "env": {"A": "\xed\xa0\x80"}}}',
    ],
)
async def test_bodies_that_mean_nothing_are_refused_and_said_to_be(rest: Any, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await rest.client.post("/api/v1/jobs", content=body, headers=headers)
    assert code_of(answer) in ((400, "malformed-request"), (422, "invalid")), answer.text
    assert ("\xff\xfe".encode("latin-1") not in body) or answer.status_code == 400


async def test_a_parameter_that_an_address_does_not_take_is_refused_with_its_name(rest: Any) -> None:
    answer = await rest.client.get("/api/v1/jobs?status=FAILED")
    assert (code_of(answer), fields_of(answer)) == ((422, "invalid"), ["status"])
    assert "state" in answer.json()["detail"]
    for query in ("?state=FAILED&state=TIMEOUT", "?name=%ff", "?label=a%3Db&limit=5", ""):
        assert (await rest.client.get(f"/api/v1/jobs{query}")).status_code == 200, query
    job = await submit(rest)
    assert (await rest.client.get(f"/api/v1/jobs/{job['id']}?x=1")).status_code == 422
    assert (await rest.client.get(f"/api/v1/jobs/{job['id']}/logs?tail=5&from=1:0")).status_code == 200
    assert (await rest.client.get("/health?probe=1")).status_code in (200, 503)


async def test_who_asks_is_kept_from_the_headers(rest: Any) -> None:
    headers = {"x-actor-id": "ana", "x-correlation-id": "c-1"}
    job = (await rest.client.post("/api/v1/jobs", json=TRUE, headers=headers)).json()
    assert (job["queued_by"], job["correlation_id"]) == ("ana", "c-1")
    refused = await rest.client.post("/api/v1/jobs", json=TRUE, headers={"x-actor-id": "a" * 300})
    assert (code_of(refused), fields_of(refused)) == ((422, "invalid"), ["x-actor-id"])


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"spec": {}}, 422, "spec.command"),
        ({"spec": {"command": []}}, 422, "spec.command"),
        ({"spec": {"command": ["a"], "priority": "urgent"}}, 422, "spec.priority"),
        ({"spec": {"command": ["a"], "timeout_ms": -1}}, 422, "spec.timeout_ms"),
        ({"spec": {"command": ["a"], "timeout_seconds": 1}}, 422, "spec"),
        ({"spec": {"command": ["a"]}, "id": "nonsense"}, 422, "id"),
        ({"spec": {"command": ["a"]}, "queued_by": "a" * 300}, 422, "queued_by"),
        ({}, 422, "spec"),
        ({"spec": {"command": ["a"], "timeout_ms": "5"}}, 422, "spec.timeout_ms"),
        ({"spec": {"command": ["a"], "drop_logs": 0}}, 422, "spec.drop_logs"),
    ],
)
async def test_what_makes_no_sense_is_refused_at_its_field(
    rest: Any, body: dict[str, Any], status: int, field: str
) -> None:
    answer = await rest.client.post("/api/v1/jobs", json=body)
    assert (code_of(answer), fields_of(answer)) == ((status, "invalid"), [field])


async def test_what_is_no_json_is_a_400_and_what_is_not_there_a_404(rest: Any) -> None:
    answer = await rest.client.post("/api/v1/jobs", content=b'{"spec": ')
    assert code_of(answer) == (400, "malformed-request")
    for path in ("", "/timeline", "/logs", "/logs/download"):
        assert code_of(await rest.client.get(f"/api/v1/jobs/{NOBODY}{path}")) == (404, "job.not-found")
    for path in ("cancel", "retry"):
        assert code_of(await rest.client.post(f"/api/v1/jobs/{NOBODY}/{path}")) == (404, "job.not-found")
    assert code_of(await rest.client.get("/api/v1/jobs/nonsense")) == (422, "invalid")
    assert code_of(await rest.client.get("/api/v1/nothing")) == (404, "not-found")
    assert code_of(await rest.client.put("/api/v1/jobs", json={})) == (405, "method-not-allowed")


async def test_a_body_that_is_nested_without_end_is_refused(rest: Any) -> None:
    job = await submit(rest)
    deep = b'{"overrides": {"env": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
    for path in ("/api/v1/jobs", f"/api/v1/jobs/{job['id']}/retry"):
        answer = await rest.client.post(path, content=deep)
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_cancel_ends_a_queued_job_and_again_changes_nothing(rest: Any) -> None:
    job = await submit(rest)
    for _ in range(2):
        answer = await rest.client.post(f"/api/v1/jobs/{job['id']}/cancel", json={"reason": "mistake"})
        assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")
    assert answer.json()["message"] == "mistake"
    phases = (await rest.client.get(f"/api/v1/jobs/{job['id']}/timeline")).json()
    assert [(each["phase"], each["attempt"], each["failed"]) for each in phases] == [("queued", 0, True)]


async def test_a_running_job_is_told_to_stop(rest: Any) -> None:
    agent = await rest.world.add_worker()
    job = await rest.world.running(agent)
    answer = await rest.client.post(f"/api/v1/jobs/{job.id}/cancel")
    assert (answer.json()["state"], answer.json()["cancel_requested"]) == ("RUNNING", True)


async def test_a_job_that_is_over_is_run_again_with_what_is_to_be_different(rest: Any) -> None:
    job = await submit(rest, env={"A": "1"}, name="again")
    refused = await rest.client.post(f"/api/v1/jobs/{job['id']}/retry")
    assert code_of(refused) == (409, "job.illegal-move")
    await rest.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    overrides = {"env": {"B": "2"}, "command": "echo $B"}
    answer = await rest.client.post(f"/api/v1/jobs/{job['id']}/retry", json={"overrides": overrides})
    told = answer.json()
    assert (answer.status_code, told["rerun_of"]) == (201, job["id"])
    assert (told["spec"]["env"], told["spec"]["command"]) == ({"A": "1", "B": "2"}, "echo $B")
    wrong = await rest.client.post(f"/api/v1/jobs/{job['id']}/retry", json={"overrides": {"priority": "x"}})
    assert fields_of(wrong) == ["overrides.priority"]


async def test_pages_follow_the_link_and_lose_nothing(rest: Any) -> None:
    ids = [(await submit(rest, name=str(number)))["id"] for number in range(7)]
    seen, path = [], "/api/v1/jobs?limit=3&state=PENDING"
    while path:
        answer = await rest.client.get(path)
        seen += [each["id"] for each in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == sorted(ids)
    assert len(set(seen)) == 7


async def test_lists_are_filtered(rest: Any) -> None:
    red = await submit(rest, name="Red one", labels={"team": "a"}, tags=["nightly"])
    blue = await submit(rest, name="blue", labels={"team": "b=c"})
    await rest.client.post(f"/api/v1/jobs/{blue['id']}/cancel")

    async def found(query: str) -> list[str]:
        answer = await rest.client.get(f"/api/v1/jobs?{query}")
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.json()]

    assert await found("state=CANCELLED") == ["blue"]
    assert sorted(await found("state=CANCELLED&state=PENDING")) == ["Red one", "blue"]
    assert await found("name=red") == ["Red one"]
    assert await found(f"name={red['id'][:23]}&label=team=a") == ["Red one"]
    assert await found("label=team=b=c") == ["blue"]
    assert await found("tag=nightly&label=team=a") == ["Red one"]
    assert await found("owner=nobody") == []
    assert await found("created_before=2000-01-01T00:00:00Z") == []
    assert len(await found("created_after=2000-01-01T00:00:00%2B02:00")) == 2


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("state=DONE", 422, "state"),
        ("limit=0", 422, "limit"),
        ("limit=501", 422, "limit"),
        ("limit=x", 422, "limit"),
        ("label=x", 422, "label"),
        ("cursor=nonsense", 422, "cursor"),
        ("created_after=yesterday", 422, "created_after"),
        ("created_after=2026-01-01T00:00:00", 422, "created_after"),
    ],
)
async def test_a_query_that_makes_no_sense_names_its_parameter(
    rest: Any, query: str, status: int, field: str
) -> None:
    answer = await rest.client.get(f"/api/v1/jobs?{query}")
    assert (code_of(answer), [each.partition(".")[0] for each in fields_of(answer)]) == (
        (status, "invalid"),
        [field],
    )


async def test_a_provider_that_is_not_there_filters_nothing_in(rest: Any) -> None:
    assert code_of(await rest.client.get("/api/v1/jobs?provider=moon")) == (404, "provider.not-found")


async def test_what_the_caller_has_already_is_not_sent_again(rest: Any) -> None:
    job = await submit(rest)
    for path in (f"/api/v1/jobs/{job['id']}", "/api/v1/jobs", "/api/v1/providers"):
        first = await rest.client.get(path)
        etag = first.headers["etag"]
        assert not etag.startswith("W/")
        for known in (etag, f'"other", {etag}', "*", f"W/{etag}"):
            again = await rest.client.get(path, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
    await rest.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    changed = await rest.client.get("/api/v1/jobs", headers={"if-none-match": etag})
    assert changed.status_code == 200


async def test_attempts_and_the_timeline_tell_the_story(rest: Any) -> None:
    await rest.world.add_provider()
    agent = await rest.world.add_worker()
    job = await rest.world.running(agent, name="story")
    shown = (await rest.client.get(f"/api/v1/jobs/{job.id}")).json()
    assert [(each["number"], each["state"]) for each in shown["attempts"]] == [(1, "RUNNING")]
    assert shown["worker_id"] == shown["attempts"][0]["worker_id"]
    phases = (await rest.client.get(f"/api/v1/jobs/{job.id}/timeline")).json()
    assert [each["phase"] for each in phases] == ["queued", "starting", "running"]
    assert phases[-1]["ended_at"] is None
    for before, after in pairwise(phases):
        assert before["ended_at"] == after["started_at"]


async def test_a_job_for_a_provider_that_there_is_not_is_refused_and_a_preference_is_kept(rest: Any) -> None:
    body = {"spec": {"command": ["true"], "provider": "nosuch"}}
    refused = await rest.client.post("/api/v1/jobs", json=body)
    assert code_of(refused) == (422, "invalid")
    assert fields_of(refused) == ["spec.provider"]
    assert "there is no provider 'nosuch'" in refused.json()["errors"][0]["message"]
    wanted = {"preferred_provider": "later", "preferred_region": "eu"}
    job = await submit(rest, **wanted)
    assert {key: job["spec"][key] for key in wanted} == wanted
