"""The dashboard's files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hodei_rest.web_files import NOT_BUILT, POLICY, WebFiles


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the dashboard")
    (tmp_path / "assets" / "main-4f3a.js").write_text("run()")
    (tmp_path / ".hidden").write_text("secret")
    (tmp_path.parent / "outside.txt").write_text("secret")
    return tmp_path


async def ask(
    web: WebFiles, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    await web(scope, None, send)  # type: ignore[arg-type]
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, sent[1]["body"]


@pytest.mark.parametrize("path", ["/", "/index.html", "/jobs", "/jobs/some-id/logs"])
async def test_every_address_of_the_dashboard_is_its_page(place: Path, path: str) -> None:
    status, headers, body = await ask(WebFiles(place), path)
    assert (status, body) == (200, b"<!doctype html>the dashboard")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == POLICY
    assert headers["cache-control"] == "no-cache"


async def test_hashed_files_last_and_are_known_by_their_etag(place: Path) -> None:
    web = WebFiles(place)
    status, headers, body = await ask(web, "/assets/main-4f3a.js")
    assert (status, body) == (200, b"run()")
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert (await ask(web, "/assets/main-4f3a.js", if_none_match=headers["etag"]))[0] == 304
    assert (await ask(web, "/assets/main-4f3a.js", "HEAD"))[2] == b""


async def test_a_large_text_is_packed_for_those_who_can_unpack_it(place: Path) -> None:
    (place / "assets" / "large-77aa.js").write_text("run();" * 1000)
    web, path = WebFiles(place), "/assets/large-77aa.js"
    _, plain, whole = await ask(web, path)
    status, told, packed = await ask(web, path, accept_encoding="br, gzip;q=0.8")
    assert (status, told["content-encoding"], told["vary"]) == (200, "gzip", "accept-encoding")
    assert gzip.decompress(packed) == whole
    assert int(told["content-length"]) == len(packed) < len(whole)
    assert told["etag"] != plain["etag"]
    assert (await ask(web, path, accept_encoding="gzip", if_none_match=told["etag"]))[0] == 304
    for unable in ("", "br", "gzip;q=0"):
        assert "content-encoding" not in (await ask(web, path, accept_encoding=unable))[1]
    assert "content-encoding" not in (await ask(web, "/assets/main-4f3a.js", accept_encoding="gzip"))[1]


async def test_an_asset_that_is_gone_is_not_the_page(place: Path) -> None:
    assert (await ask(WebFiles(place), "/assets/old-1111.js"))[0] == 404


@pytest.mark.parametrize(
    "path", ["/../outside.txt", "//outside.txt", "/.hidden", "/assets/../../outside.txt"]
)
async def test_nothing_outside_is_ever_given(place: Path, path: str) -> None:
    assert b"secret" not in (await ask(WebFiles(place), path))[2]


async def test_without_a_build_a_plain_page_says_what_to_do(tmp_path: Path) -> None:
    web = WebFiles(tmp_path / "nothing")
    assert (await ask(web, "/"))[::2] == (200, NOT_BUILT)
    assert (await ask(web, "/jobs"))[::2] == (404, NOT_BUILT)


async def test_nothing_is_posted_there(place: Path) -> None:
    assert (await ask(WebFiles(place), "/", "POST"))[0] == 405
