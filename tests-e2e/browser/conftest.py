"""The dashboard in a real browser, against a platform that runs real jobs."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
PATIENCE_MS = 20_000
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class Server:
    """A platform with its dashboard, and its REST service for what a test does beside the browser."""

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.grpc = machine.up("--rest-port", "0").rpartition(":")[2]
        told = json.loads((machine.place / "server.json").read_text())
        self.rest = str(told["rest"]).rpartition(":")[2]
        self.url = f"http://127.0.0.1:{self.rest}"

    def call(self, path: str, body: object = None, method: str | None = None) -> Any:
        """One call of the REST service."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def queue(self, command: object = None, **spec: Any) -> str:
        """Queue a job; its id."""
        asked = spec if command is None else {"command": command, **spec}
        return str(self.call("/jobs", {"spec": asked})["id"])

    def job(self, id: str) -> Any:
        """What is known of a job."""
        return self.call(f"/jobs/{id}")

    def wait(self, id: str) -> Any:
        """A job after its end."""
        assert self.machine.run("job", "watch", id).status in (0, 1)
        return self.job(id)

    def start_again(self) -> None:
        """Start it on the ports it had."""
        variables = {"GRPC_PORT": self.grpc, "HODEI_REST_PORT": self.rest}
        self.machine.up("--port", self.grpc, "--rest-port", self.rest, **variables)


class Watched:
    """What a page must never do, seen over the life of a browser context.

    A browser itself writes to the console when an answer is a refusal or none comes: `refused` are the
    statuses that a test wants, `away` is for as long as the server is.
    """

    def __init__(self, context: BrowserContext, home: str, refused: tuple[int, ...]) -> None:
        self.wrong: list[str] = []
        self.away = False
        self._refused = [f"responded with a status of {status} " for status in refused]
        self._home = urlsplit(home).netloc
        context.on("console", self._console)
        context.on("weberror", lambda error: self.wrong.append(f"error: {error.error}"))
        context.on("request", self._request)
        context.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        lost = "Failed to load resource: net::ERR_" in message.text or "WebSocket connection" in message.text
        refused = any(text in message.text for text in self._refused)
        moved = "net::ERR_NETWORK_CHANGED" in message.text  # a container elsewhere brought or took a network
        if not refused and not moved and not (self.away and lost):
            self.wrong.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != self._home:
            self.wrong.append(f"asked another host: {request.url}")

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def chromium(need: Callable[..., None]) -> str:
    """A browser of this machine."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    need("chromium", found, "no Chromium on PATH (Debian: apt install chromium)")
    return str(found)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of a file.

    Not longer: while it is there an event loop runs, and asynchronous tests of the same process need theirs.
    """
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(chromium: str, shared_machine: Any) -> Server:
    """A platform for all tests of a file."""
    return Server(shared_machine)


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens pages of the dashboard, each in a context of its own, and looks at what they must not do."""
    contexts: list[tuple[BrowserContext, Watched]] = []

    def open_page(
        path: str = "/", size: dict[str, int] | None = None, refused: tuple[int, ...] = (), **options: Any
    ) -> Page:
        context = browser.new_context(
            base_url=server.url, viewport=size or DESK, **{"locale": "en-GB", **options}
        )
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        watched = Watched(context, server.url, refused)
        contexts.append((context, watched))
        page = context.new_page()
        page.watched = watched
        page.goto(path)
        return page

    yield open_page
    for context, watched in contexts:
        context.close()
        assert watched.wrong == []


@pytest.fixture(scope="session")
def keep() -> Callable[[Page, str], None]:
    """Keeps a screenshot of a whole page as an artifact of the run."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")

    return keep
