"""What stands before everything: token, rate, size, streams, other pages."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hodei_domain.jobs.order import LARGEST_ORDER

JOB = {"spec": {"command": ["true"]}}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"].endswith(told["code"])
    assert told["detail"]
    return answer.status_code, told["code"]


async def test_without_the_token_nothing_is_told_but_health_and_the_description(serve: Any) -> None:
    rest = await serve(token="swordfish")
    for path in ("/api/v1/jobs", "/api/v1/providers", "/api/v1/system", "/api/v1/events", "/api/v1/nothing"):
        answer = await rest.client.get(path)
        assert code_of(answer) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for path in ("/health/live", "/api/v1/openapi.json", "/docs", "/api/v1/session"):
        assert (await rest.client.get(path)).status_code in (200, 503)
    good = {"authorization": "Bearer swordfish"}
    assert (await rest.client.get("/api/v1/jobs", headers=good)).status_code == 200
    for wrong in ("Bearer tuna", "Basic swordfish", "swordfish", "Bearer"):
        answer = await rest.client.get("/api/v1/jobs", headers={"authorization": wrong})
        assert code_of(answer) == (401, "unauthenticated")


async def test_a_browser_signs_in_by_the_token_and_out_again(serve: Any) -> None:
    rest = await serve(token="swordfish")
    assert code_of(await rest.client.post("/api/v1/session", json={"token": "tuna"})) == (
        401,
        "unauthenticated",
    )
    assert (await rest.client.get("/api/v1/session")).json() == {"token_needed": True, "signed_in": False}
    signed_in = await rest.client.post("/api/v1/session", json={"token": "swordfish"})
    cookie = signed_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Secure" not in cookie
    assert "SameSite=strict" in cookie
    assert "swordfish" not in cookie
    assert (await rest.client.get("/api/v1/jobs")).status_code == 200
    assert (await rest.client.get("/api/v1/session")).json()["signed_in"] is True
    assert (await rest.client.delete("/api/v1/session")).status_code == 204
    assert (await rest.client.get("/api/v1/jobs")).status_code == 401
    by_proxy = await rest.client.post(
        "/api/v1/session", json={"token": "swordfish"}, headers={"x-forwarded-proto": "https"}
    )
    assert "Secure" in by_proxy.headers["set-cookie"]


async def test_a_caller_that_calls_too_often_is_told_when_again(serve: Any) -> None:
    rest = await serve(rate=2.0)
    answers = [await rest.client.get("/api/v1/session") for _ in range(6)]
    last = answers[-1]
    assert code_of(last) == (429, "rate-exceeded")
    assert int(last.headers["retry-after"]) >= 1


async def test_more_streams_than_set_are_refused_and_a_closed_one_makes_room(serve: Any) -> None:
    rest = await serve(max_streams=1)
    accept = {"accept": "text/event-stream"}
    async with rest.client.stream("GET", "/api/v1/events", headers=accept) as first:
        assert first.status_code == 200
        for headers in (accept, {}):
            refused = await rest.client.get("/api/v1/events", headers=headers)
            assert code_of(refused) == (429, "too-many-streams")
    for _ in range(100):
        async with rest.client.stream("GET", "/api/v1/events", headers=accept) as again:
            if again.status_code == 200:
                return
    raise AssertionError("the closed stream is still counted")


async def test_a_body_that_is_too_large_is_a_413(rest: Any) -> None:
    big = {"token": "x" * (2 * 1024 * 1024)}
    assert code_of(await rest.client.post("/api/v1/session", json=big)) == (413, "too-large")


async def test_a_body_that_is_announced_as_huge_is_refused_before_it_comes(rest: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rest.service.port)
    writer.write(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
    assert b"413" in await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_grows_beyond_the_limit_is_a_413_too(rest: Any) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    answer = await rest.client.post("/api/v1/session", content=chunks())
    assert code_of(answer) == (413, "too-large")


async def test_a_script_of_the_longest_kind_is_taken(rest: Any) -> None:
    spec = {"script": {"interpreter": "sh", "content": "#" * (LARGEST_ORDER - 4096)}}
    answer = await rest.client.post("/api/v1/jobs", json={"spec": spec})
    assert answer.status_code == 201
    shown = await rest.client.get(answer.headers["location"])
    assert shown.json()["spec"]["script"]["content"] == spec["script"]["content"]


async def test_a_script_and_an_input_that_are_too_large_together_are_refused(rest: Any) -> None:
    nine = "#" * (9 * 1024 * 1024)
    spec = {"script": {"interpreter": "sh", "content": nine}, "stdin": nine}
    answer = await rest.client.post("/api/v1/jobs", json={"spec": spec})
    assert code_of(answer) == (422, "invalid")
    (told,) = answer.json()["errors"]
    assert told["field"] == "spec.script.content"
    assert "the job is 18.00 MiB long (script 9.00 MiB, stdin 9.00 MiB)" in told["message"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000"])
async def test_a_name_that_was_bound_to_this_machine_reads_nothing(rest: Any, host: str) -> None:
    for path in ("/", "/api/v1/jobs", "/health"):
        assert code_of(await rest.client.get(path, headers={"host": host})) == (403, "host-not-allowed")


async def test_a_foreign_page_submits_nothing(rest: Any) -> None:
    headers = {"origin": "http://evil.example", "content-type": "text/plain"}
    answer = await rest.client.post("/api/v1/jobs", json=JOB, headers=headers)
    assert code_of(answer) == (403, "origin-not-allowed")
    assert (await rest.client.get("/api/v1/jobs")).json() == []


async def test_no_page_of_another_origin_reads_answers_unless_it_was_named(serve: Any) -> None:
    origin = "https://ops.example"
    closed = await serve(token="t")
    asked = {"origin": origin, "authorization": "Bearer t"}
    assert (
        "access-control-allow-origin" not in (await closed.client.get("/api/v1/jobs", headers=asked)).headers
    )
    opened = await serve(token="t", cors_origins=(origin,))
    answer = await opened.client.get("/api/v1/jobs", headers=asked)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "link" in answer.headers["access-control-expose-headers"]
    preflight = {"origin": origin, "access-control-request-method": "POST"}
    allowed = await opened.client.options("/api/v1/jobs", headers=preflight)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, origin)
    assert "idempotency-key" in allowed.headers["access-control-allow-headers"]
    other = await opened.client.get("/api/v1/jobs", headers=asked | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_every_answer_keeps_browsers_from_guessing(rest: Any) -> None:
    for path in ("/", "/api/v1/jobs", "/api/v1/nothing", "/health"):
        assert (await rest.client.get(path)).headers["x-content-type-options"] == "nosniff"
