"""What container engines ask."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hodei_rest.health import main


async def test_it_says_whether_the_service_serves(rest: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, [rest.service.address]) == 1  # the loops do not run yet
    await rest.world.control.start()
    try:
        assert await asyncio.to_thread(main, [rest.service.address]) == 0
    finally:
        await rest.world.control.stop()
    assert '"ready":true' in capsys.readouterr().out


def test_nobody_there_is_not_serving(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    assert main([address, "--timeout", "1"]) == 1
    assert address in capsys.readouterr().err
