"""The dashboard that the wheel carries is the one of web/."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / "packages/hodei-rest/src/hodei_rest/web"


def test_the_built_dashboard_is_that_of_the_sources() -> None:
    hashed = subprocess.run(
        [sys.executable, ROOT / "scripts/web_hash.py"], check=True, capture_output=True, text=True
    )
    kept = (BUILT / ".source-hash").read_text(encoding="utf-8")
    assert kept == hashed.stdout, (
        "web/ has changed since the dashboard was built: run `just web`, commit what it made"
    )


def test_all_that_the_page_loads_is_in_the_wheel_and_nothing_comes_from_outside() -> None:
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/")
        assert (BUILT / address.lstrip("/")).is_file(), address
