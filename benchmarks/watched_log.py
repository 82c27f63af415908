"""A job that writes lines at a given rate, watched in a browser: how late they show, and how smoothly.

python -m benchmarks.watched_log --rate 100000 --seconds 10
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from playwright.async_api import Page, async_playwright

from benchmarks.bench import Benchmark
from benchmarks.figures import Row
from benchmarks.options import Options
from benchmarks.postgres import Postgres

RATE = 100_000
SECONDS = 10.0
PATIENCE_MS = 120_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# Each line carries when it was written. A piece is written a hundred times a second, more if one was late.
WRITING = """
import sys, time
rate, seconds = int(sys.argv[1]), float(sys.argv[2])
total, number, begun, write = int(rate * seconds), 0, time.time(), sys.stdout.write
while number < total:
    due = min(total, int((time.time() - begun + 0.01) * rate))
    now = int(time.time() * 1e6)
    write("".join(f"line {n} {now}\\n" for n in range(number + 1, due + 1)))
    sys.stdout.flush()
    number = due
    time.sleep(max(0, begun + number / rate - time.time()))
"""

# In each frame: how long the one before took, and how old the newest line on the screen is if it is new.
WATCHING = """() => {
    const seen = { ages: [], frames: [] };
    window.seen = seen;
    let last = "", before = null;
    const look = (now) => {
        if (before !== null) seen.frames.push(now - before);
        before = now;
        const row = [...document.querySelectorAll("[data-line]")].at(-1);
        const [, number, written] = (row?.lastElementChild?.textContent ?? "").split(" ");
        if (number !== undefined && number !== last) {
            seen.ages.push(performance.timeOrigin + performance.now() - Number(written) / 1000);
            last = number;
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""


class NotWhole(Exception):
    """What the page has is not what the job wrote."""


@frozen
class Place:
    """A platform with its dashboard."""

    url: str

    async def queue(self, spec: Mapping[str, Any]) -> str:
        """Queue a job; its id."""
        return str((await asyncio.to_thread(self._queue, spec))["id"])

    def _queue(self, spec: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v1/jobs",
            data=json.dumps({"spec": spec}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@asynccontextmanager
async def platform(server: Postgres, chosen: Options) -> AsyncIterator[Place]:
    """`hodei up` on a database of its own, with one warm worker."""
    async with server.database("hodei_bench") as url:
        with tempfile.TemporaryDirectory(prefix="hodei-bench-data-") as directory:
            around = {name: value for name, value in os.environ.items() if not name.startswith("HODEI_")}
            around.pop("PYTHONDONTWRITEBYTECODE", None)  # without byte code each worker would compile again
            ours = {
                "HODEI_DATABASE_URL": url,
                "HODEI_DATA_DIR": directory,
                "HODEI_DOCKER_ENABLED": "0",
                "HODEI_WORKER_MIN_IDLE": "1",
                "HODEI_PROCESS_MAX_WORKERS": "1",
                "HODEI_LOG_LEVEL": "warning",
                "HODEI_METRICS_PORT": "0",
            }
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-P",
                    "-m",
                    "hodei_cli",
                    "up",
                    "--port",
                    "0",
                    "--rest-port",
                    "0",
                    "-o",
                    "json",
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env={**around, **ours},
            )
            assert process.stdout is not None
            try:
                await process.stdout.readline()
                told = json.loads((Path(directory) / "server.json").read_text())
                yield Place(f"http://127.0.0.1:{str(told['rest']).rpartition(':')[2]}")
            finally:
                process.terminate()
                await process.wait()


async def measure(place: Place, chosen: Options) -> Sequence[Row]:
    """Watch it as often as `repeat` says."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("no Chromium on PATH: apt install chromium")
    rate, seconds = int(chosen.rate or RATE), chosen.seconds or SECONDS
    ages: list[float] = []
    frames: list[float] = []
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=browser, args=arguments)
        for _ in range(chosen.repeat):
            page = await opened.new_page(viewport={"width": 1440, "height": 900})
            seen = await _watch(page, place, rate, seconds)
            ages += seen["ages"]
            frames += seen["frames"]
            await page.close()
        await opened.close()
    what = f"{rate:,} lines/s for {seconds:g} s, watched"
    return [
        Row(what=f"{what}: from the write to the screen", unit="ms", samples=tuple(ages)),
        Row(what=f"{what}: length of a frame", unit="ms", samples=tuple(frames)),
    ]


async def _watch(page: Page, place: Place, rate: int, seconds: float) -> dict[str, list[float]]:
    page.set_default_timeout(PATIENCE_MS)
    script = "import time; time.sleep(2)" + WRITING  # until the page is there
    command = f"exec python3 -c {shlex.quote(script)} {rate} {seconds}"
    id = await place.queue({"command": command, "name": "watched"})
    await page.goto(f"{place.url}/jobs/{id}/logs")
    await page.get_by_role("log").wait_for()
    await page.evaluate(WATCHING)
    await page.get_by_text("Complete", exact=True).wait_for()
    seen: dict[str, list[float]] = await page.evaluate("window.seen")
    await _check(page, int(rate * seconds))
    return seen


async def _check(page: Page, total: int) -> None:
    """Have the page count its lines, all of them and those that look as they must. Raise NotWhole."""
    box = page.get_by_label("Search the output")
    await page.get_by_role("button", name="Regular expression").click()
    await box.fill(r"^line \d+ \d+$")
    try:
        await page.get_by_text(f"{total:,} lines", exact=True).wait_for()
        await page.get_by_role("status").filter(has_text=f"{total:,}").wait_for()
    except Exception as error:
        shown = " | ".join(await page.get_by_role("status").all_inner_texts())
        raise NotWhole(f"{total:,} lines were written; the page says: {shown}") from error


BENCHMARK = Benchmark(
    name="watched_log",
    title="a job that writes fast, watched in a browser",
    subject=platform,
    measure=measure,
    notes=(
        "The age of the newest line on the screen in each frame with a new one, by the job's own clock.",
        "Frames are those of the whole time, before the first line and after the last included.",
        "Browser, server, worker, job and Postgres share the cores. At the end the page counts its lines.",
    ),
)

if __name__ == "__main__":
    BENCHMARK.main()
