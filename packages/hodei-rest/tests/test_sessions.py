"""The cookie of a browser."""

from __future__ import annotations

from hodei_rest import sessions


def test_it_is_good_until_it_is_over_and_is_not_the_token() -> None:
    value = sessions.make("secret", now=1000.0)
    assert "secret" not in value
    assert sessions.is_good(value, "secret", now=1000.0 + sessions.LASTS_S - 1)
    assert not sessions.is_good(value, "secret", now=1001.0 + sessions.LASTS_S)


def test_it_is_bound_to_the_token_and_to_its_end() -> None:
    value = sessions.make("secret", now=1000.0)
    until, _, signature = value.partition(".")
    assert not sessions.is_good(value, "another", now=1000.0)
    assert not sessions.is_good(f"{int(until) + 1}.{signature}", "secret", now=1000.0)
    assert not sessions.is_good("", "secret", now=1000.0)
    assert not sessions.is_good("ä.ö", "secret", now=1000.0)


def test_it_is_found_among_other_cookies() -> None:
    assert sessions.read(f"a=b; {sessions.COOKIE}=x.y; c=d") == "x.y"
    assert sessions.read("a=b") == ""
    assert sessions.read("\x00=;;=") == ""
