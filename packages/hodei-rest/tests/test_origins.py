"""From which pages a browser may call."""

from __future__ import annotations

import pytest
from hodei_rest.origins import Origins, is_loopback

STRICT = Origins(only_loopback=True)
OPEN = Origins(only_loopback=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:3000",
        "127.0.0.1:3000",
        "127.8.8.8",
        "[::1]:3000",
        "LOCALHOST",
        "a.localhost:80",
    ],
)
def test_names_of_this_machine_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1:3000",
        "evil.example@localhost",
        "localhost/evil",
        "localhost:x",
        "::1:3000:zz",
        "[::1",
    ],
)
def test_names_that_others_can_give_are_not(host: str) -> None:
    assert not is_loopback(host)


def test_in_development_mode_a_foreign_name_is_refused_even_for_reading() -> None:
    refused = STRICT.refuses("GET", {"host": "rebound.example:3000"})
    assert refused is not None
    assert refused.code == "host-not-allowed"
    assert OPEN.refuses("GET", {"host": "hodei.example"}) is None


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "WEBSOCKET"])
@pytest.mark.parametrize(
    "page",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(method: str, page: dict[str, str]) -> None:
    headers = {"host": "localhost:3000", **page}
    for origins in (STRICT, OPEN):
        refused = origins.refuses(method, headers)
        assert refused is not None
        assert refused.code == "origin-not-allowed"


@pytest.mark.parametrize(
    "page",
    [{}, {"origin": "http://localhost:3000"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
)
def test_our_own_pages_and_programs_may(page: dict[str, str]) -> None:
    assert STRICT.refuses("POST", {"host": "localhost:3000", **page}) is None


def test_a_named_origin_may() -> None:
    origins = Origins(only_loopback=False, allowed=("https://ops.example",))
    assert origins.refuses("POST", {"host": "hodei.example", "origin": "https://ops.example"}) is None
    assert origins.refuses("POST", {"host": "hodei.example", "origin": "https://evil.example"}) is not None
