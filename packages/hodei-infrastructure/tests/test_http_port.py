from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hodei_infrastructure.http_port import HttpPort

WITHIN_S = 1


@pytest.fixture
def port() -> Iterator[HttpPort]:
    taken = HttpPort.take("127.0.0.1", 0, backlog=8)
    yield taken
    taken.close()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_who_comes_before_there_is_an_application_waits_for_it(port: HttpPort) -> None:
    reader, writer = await asyncio.open_connection(port.host, port.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    async with port.answering(hello, name="The test", ends_within_s=WITHIN_S):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


def test_a_port_is_one_programs_until_it_is_given_back(port: HttpPort) -> None:
    with pytest.raises(OSError, match="in use"):
        HttpPort.take("127.0.0.1", port.port, backlog=8)
    port.close()
    HttpPort.take("127.0.0.1", port.port, backlog=8).close()


async def test_a_server_that_cannot_start_says_so(port: HttpPort, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Exception, match="no_such_module"):
        async with port.answering(hello, name="The test", ends_within_s=WITHIN_S, http="no_such_module:x"):
            pytest.fail("it answers")
    assert "The test has ended by itself" in caplog.text
