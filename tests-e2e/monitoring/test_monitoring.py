"""The monitoring that ships, against a platform that runs: names, rules, and a real Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from hodei_infrastructure.postgres.testing import module_database_url, postgres_server  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.slow]

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "hodei.json"
PATIENCE_SECONDS = 60.0
NAME = re.compile(r"\b(?:hodei|process)_[a-z_]+\b|\bup\b")

Need = Callable[[str, object, str], None]


def queries() -> list[str]:
    """What the dashboard asks, with the variable that Grafana fills in."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(found) > 20
    return [each.replace("$__rate_interval", "30s") for each in found]


def rules() -> list[str]:
    """The expressions of the alerts."""
    import yaml  # type: ignore[import-untyped]

    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    found = [rule["expr"] for group in groups for rule in group["rules"]]
    assert len(found) > 5
    return found


def scrape(target: str) -> str:
    with urlopen(f"http://{target}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def wait_until(check: Callable[[], Any], what: str) -> Any:
    """What the check finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited for {what} in vain")


@pytest.fixture(scope="module")
def target(module_database_url: str, shared_machine: Any) -> str:  # noqa: F811  (the server ends first)
    """Where a platform can be scraped that has run jobs: good, bad and waiting ones."""
    # On a database of its own, or there would be no hints; its workers leave with it.
    shared_machine.serve(
        "hodei_grpc.main", "--only-server", "--port", "0", HODEI_DATABASE_URL=module_database_url
    )
    announced = shared_machine.place / "server.json"
    wait_until(announced.exists, "the server")
    assert shared_machine.run("run", "--", "echo", "hello").status == 0
    assert shared_machine.run("run", "--retry", "1", "--", "false").status == 1
    waiting = shared_machine.run("job", "queue", "--image", "nowhere/to-be-found:1", "--", "true")
    assert waiting.status == 0
    found: str = json.loads(announced.read_text())["metrics"]
    return found


def test_every_name_that_dashboard_and_alerts_use_is_scraped(target: str) -> None:
    told = set(re.findall(r"^# TYPE (\S+)", scrape(target), re.MULTILINE))
    told |= {f"{name}{end}" for name in told for end in ("_bucket", "_count", "_sum")}
    told |= {"up"}  # which Prometheus adds
    for expression in (*queries(), *rules()):
        used = set(NAME.findall(re.sub(r'"[^"]*"|\{\{[^}]*\}\}', "", expression)))
        assert used, expression
        assert used <= told, expression


def test_labels_that_are_asked_for_are_told(target: str) -> None:
    text = scrape(target)
    for metric, label in (
        ("hodei_jobs", "state"),
        ("hodei_jobs_ended_total", "state"),
        ("hodei_queue_jobs", "class"),
        ("hodei_attempts_ended_total", "reason"),
        ("hodei_provisioning_seconds_count", "provider"),
        ("hodei_job_run_seconds_count", "provider"),
        ("hodei_commit_batch_size_count", "kind"),
        ("hodei_loop_errors_total", "loop"),
        ("hodei_database_connections", "state"),
    ):
        assert re.search(rf'^{metric}{{[^}}]*\b{label}="[^"]+"', text, re.MULTILINE), metric
    assert re.search(
        r'^hodei_attempts_ended_total{provider="process",reason="exit"} 3.0$', text, re.MULTILINE
    )


def test_a_scrape_costs_little_and_hardly_any_queries(target: str) -> None:
    for _ in range(20):  # the database is asked once for all of them
        assert len(scrape(target)) < 64 * 1024


class Prometheus:
    """A real one, with what ships for it."""

    def __init__(self, program: str, target: str, place: Path) -> None:
        place.mkdir()
        config = (MONITORING / "prometheus.yml").read_text()
        assert "[api:9464]" in config
        config = config.replace("[api:9464]", f"['{target}']").replace("15s", "1s")
        (place / "prometheus.yml").write_text(config)
        shutil.copy(MONITORING / "alerts.yml", place)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        with (place / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    f"--config.file={place / 'prometheus.yml'}",
                    f"--storage.tsdb.path={place / 'data'}",
                    f"--web.listen-address={self.address}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API says; None while it is not there."""
        try:
            with urlopen(
                f"http://{self.address}/api/v1/{path}?{urlencode(parameters)}", timeout=10
            ) as answer:
                told = json.load(answer)
        except (URLError, ConnectionError):
            return None
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> list[Any]:
        """The result of an instant query."""
        told = self.ask("query", query=expression)
        result: list[Any] = told["result"] if told is not None else []
        return result


@pytest.fixture(scope="module")
def prometheus(need: Need, target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    need("prometheus", program, "no prometheus on PATH (Debian: apt-get install prometheus)")
    server = Prometheus(str(program), target, tmp_path_factory.mktemp("prometheus") / "place")
    try:
        wait_until(lambda: server.query("hodei_leader"), "the first scrape")
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


def test_a_real_prometheus_scrapes_it_and_every_panel_has_its_answer(
    prometheus: Prometheus, shared_machine: Any
) -> None:
    [up] = prometheus.query('up{job="hodei"}')
    assert up["value"][1] == "1"
    assert shared_machine.run("run", "--", "echo", "again").status == 0
    for expression in queries():
        answer = wait_until(lambda: prometheus.query(expression), expression)  # noqa: B023
        assert all("value" in each for each in answer)
    metadata = prometheus.ask("metadata")
    assert metadata["hodei_jobs_ended"][0]["type"] == "counter"  # as OpenMetrics names it
    assert metadata["hodei_job_queue_seconds"][0]["help"].startswith("From the queue")


def test_it_takes_the_rules_and_nothing_is_wrong_with_them(prometheus: Prometheus) -> None:
    def judged() -> list[Any]:
        told = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return told if all(rule["health"] != "unknown" for rule in told) else []

    found = wait_until(judged, "the first evaluation")
    assert len(found) == len(rules())
    assert {rule["health"] for rule in found} == {"ok"}
    firing = {rule["name"] for rule in found if rule["state"] == "firing"}
    assert firing <= {"HodeiJobsFail"}
