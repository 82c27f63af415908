"""Every page, on a phone and on a desk, light and dark: drawn, kept as a picture, fit for a screen reader."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
LOADING = "[role=status][aria-label='Loading…']"
AXE = Axe()

PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "job-new": "/jobs/new",
    "job": "/jobs/{failed}",
    "job-config": "/jobs/{failed}?tab=config",
    "job-resources": "/jobs/{running}?tab=resources",
    "job-running": "/jobs/{running}",
    "job-pending": "/jobs/{pending}",
    "job-logs": "/jobs/{running}/logs",
    "workers": "/workers",
    "worker": "/workers/{worker}",
    "providers": "/providers",
    "provider": "/providers/process",
    "provider-config": "/providers/process?tab=config",
    "provider-new": "/providers/new",
    "metrics": "/metrics",
    "audit": "/audit",
    "missing": "/no/such/page",
}


@pytest.fixture(scope="module")
def places(server: Any) -> dict[str, str]:
    """A platform with something to show: jobs that ended well and badly, one that runs, one that waits."""
    done = [server.queue(f"echo report {n}; sleep 0.{n}", name="nightly-report") for n in range(3)]
    failed = server.queue(
        "echo 'INFO starting'; echo 'WARN disk almost full'; echo 'ERROR cannot write' >&2; exit 3",
        name="import-customers",
        labels={"team": "data", "tier": "gold"},
        env={"BATCH": "7"},
    )
    running = server.queue('while :; do echo "INFO tick $(date +%T)"; sleep 1; done', name="watch-queue")
    pending = server.queue("true", name="train-model", resources={"gpu": 8})
    for each in (*done, failed):
        server.wait(each)
    worker = server.call("/workers?state=BUSY")[0]["id"]
    return {"failed": failed, "running": running, "pending": pending, "worker": worker}


def settle(page: Page) -> None:
    """Wait until the page shows what it asked for."""
    expect(page.locator("h1, main p").first).to_be_visible()
    expect(page.locator(LOADING)).to_have_count(0)
    page.evaluate("document.fonts.ready")


def flaws(page: Page) -> list[str]:
    """What axe finds wrong: WCAG 2.2 A and AA and its best practices."""
    found = AXE.run(page).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


LOOKS = ((PHONE, "light"), (PHONE, "dark"), (DESK, "dark"), (DESK, "light"))


def look_at(page: Page, name: str, keep: Any) -> None:
    """See the page as each look has it."""
    for size, theme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        settle(page)
        keep(page, f"{name}-{size['width']}-{theme}")
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{name} is {wider} px wider than the screen of {size['width']} px"
        if (size, theme) in ((PHONE, "light"), (DESK, "dark")):
            assert flaws(page) == [], f"{name} at {size['width']} px, {theme}"


@pytest.mark.parametrize(
    ("path", "lesson"),
    [
        ("/", "Run your first job"),
        ("/jobs", "No jobs yet"),
        ("/workers", "No worker runs now"),
        ("/metrics", "Nothing ran in this period"),
    ],
)
def test_a_platform_that_has_run_nothing_teaches_how_to_begin(
    path: str, lesson: str, open_page: Any, keep: Any
) -> None:
    page = open_page(path, PHONE, color_scheme="light")
    expect(page.get_by_text(lesson)).to_be_visible()
    look_at(page, f"empty{path.replace('/', '-').rstrip('-')}", keep)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_at_every_size_in_both_themes(
    name: str, open_page: Any, keep: Any, places: dict[str, str]
) -> None:
    look_at(open_page(PAGES[name].format(**places), PHONE, color_scheme="light"), name, keep)
