"""F7 for containers: from submission to the first line at the client when a container must be made for it.

The image is there already. Each job is followed by a bare container of the same image on the same engine, so
that what is Hodei's own stands apart from what the engine takes.

python -m benchmarks.f7_cold_container --image alpine:3.20
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from typing import Any

import aiodocker

from benchmarks.bench import run_and_emit
from benchmarks.client import JobWentWrong
from benchmarks.figures import Report, Role, Row, at_most
from benchmarks.options import Options, parser
from benchmarks.postgres import postgres
from benchmarks.stack import Stack, stack

COUNT = 15
COMMAND = ("echo", "first line")
# Workers come for jobs only, and only in containers. Each ends with its only job: so each job meets none.
COLD = {
    "HODEI_DOCKER_ENABLED": "1",
    "HODEI_PROCESS_ENABLED": "0",
    "HODEI_WORKER_MIN_IDLE": "0",
    "HODEI_WORKER_MAX_JOBS": "1",
}
WARM = COLD | {"HODEI_WORKER_MAX_JOBS": ""}


async def run(chosen: Options, image: str) -> Report:
    """Measure cold and warm, each beside the bare engine, and the engine's own command."""
    count = chosen.count or COUNT
    async with postgres(chosen) as server, aiodocker.Docker() as engine:
        version = str((await engine.version())["Version"])
        await require_image(engine, image)
        async with stack(server, chosen, COLD) as cold:
            await _ours(cold, image)  # brings the agent's bundle to the engine, once for each version of it
            ours, bare = [], []
            for _ in range(count):
                await cold.without_workers()
                ours.append(await _ours(cold, image))
                bare.append(await _bare(engine, image))
        async with stack(server, chosen, WARM) as warm:
            await _ours(warm, image)
            again = [await _ours(warm, image) for _ in range(count)]
        command = [await asyncio.to_thread(_command, image) for _ in range(count)]
    beyond = tuple(one - other for one, other in zip(ours, bare, strict=True))
    first = "→ first line at the client"
    rows = (
        Row(what=f"call {first}, no worker there", unit="ms", samples=tuple(ours)),
        Row(what="the same beyond the bare engine's", unit="ms", samples=beyond, bars=(at_most("p50", 300),)),
        Row(what=f"call {first}, warm container", unit="ms", samples=tuple(again)),
        Row(
            what="engine: create, attach, start → first line", unit="ms", samples=tuple(bare), role=Role.LIMIT
        ),
        Row(what="docker run --rm → first line", unit="ms", samples=tuple(command), role=Role.PEER),
    )
    return Report(
        name="f7_cold_container",
        title="cold container to first line, image present",
        setup={**server.setup, "engine": f"Docker {version}", "image": image},
        rows=rows,
    )


async def require_image(engine: aiodocker.Docker, image: str) -> None:
    """Raise JobWentWrong unless the engine has the image: a job would wait for it."""
    try:
        await engine.images.inspect(image)
    except aiodocker.DockerError as error:
        raise JobWentWrong(
            f"{error.message}: pull the image, or name one that is there with --image"
        ) from None


async def _ours(stack: Stack, image: str) -> float:
    """Milliseconds from the call to the first line; returns when the job has ended."""
    since = time.perf_counter()
    job_id = await stack.client.submit(*COMMAND, image=image)
    took = (await stack.client.first_bytes(job_id) - since) * 1e3
    await stack.client.ended(job_id)
    return took


async def _bare(engine: aiodocker.Docker, image: str) -> float:
    """Milliseconds until a container of nothing but the image has printed the line."""
    since = time.perf_counter()
    config: dict[str, Any] = {"Image": image, "Entrypoint": list(COMMAND), "Cmd": [], "AttachStdout": True}
    container = await engine.containers.create(config)
    try:
        async with container.attach(stdout=True, stderr=False, logs=True) as stream:
            await container.start()
            if await stream.read_out() is None:
                raise JobWentWrong("the bare container printed nothing")
            took = (time.perf_counter() - since) * 1e3
        await container.wait()
    finally:
        await container.delete(force=True)
    return took


def _command(image: str) -> float:
    """Milliseconds until the engine's own command has passed the line on."""
    since = time.perf_counter()
    arguments = ("docker", "run", "--rm", "--entrypoint", COMMAND[0], image, *COMMAND[1:])
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return (time.perf_counter() - since) * 1e3


def main() -> None:
    """Read the options, run, print."""
    source = parser("f7_cold_container", "a cold container to its first line")
    source.add_argument(
        "--image", default="alpine:3.20", help="an image that the engine has (default: %(default)s)"
    )
    parsed = vars(source.parse_args())
    image = parsed.pop("image")
    chosen = Options(**parsed)
    run_and_emit(run(chosen, image), chosen)


if __name__ == "__main__":
    main()
