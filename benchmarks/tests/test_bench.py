"""A benchmark that cannot measure says why, and ends."""

from __future__ import annotations

import aiodocker
import pytest
from hodei_agent_bundle.testing import Engine, docker_engine

from benchmarks.bench import run_and_emit
from benchmarks.client import JobWentWrong
from benchmarks.f7_cold_container import require_image
from benchmarks.figures import Report
from benchmarks.options import Options

__all__ = ["docker_engine"]


async def nothing() -> Report:
    raise JobWentWrong("it is TIMEOUT: no image")


def test_a_job_that_went_wrong_ends_the_benchmark_with_its_reason() -> None:
    with pytest.raises(SystemExit, match="nothing was measured: it is TIMEOUT: no image"):
        run_and_emit(nothing(), Options())


@pytest.mark.docker
async def test_an_image_that_the_engine_lacks_is_refused_at_once(docker_engine: Engine) -> None:
    async with aiodocker.Docker() as engine:
        with pytest.raises(JobWentWrong, match="no such image: nobody/such:1"):
            await require_image(engine, "nobody/such:1")
