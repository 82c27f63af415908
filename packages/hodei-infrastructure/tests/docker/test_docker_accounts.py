"""The lists of accounts that a container gets."""

from __future__ import annotations

import pytest
from hodei_infrastructure.docker.accounts import Accounts

PASSWD = "root:x:0:0:root:/root:/bin/sh\nhodei:x:7:7::/:/bin/sh\ntoor:x:0:0::/:/bin/sh"
GROUP = "root:x:0:\nstaff:x:50:\n"


def put_in(user: str, passwd: str | None = PASSWD, group: str | None = GROUP) -> dict[str, str]:
    entries = Accounts(passwd, group).lacking(user)
    return {each.name: (each.content or b"").decode("utf-8", "surrogateescape") for each in entries}


@pytest.mark.parametrize("user", ["", "root", "app:staff", "0", "7:9", "007"])
def test_who_has_an_account_or_is_named_needs_none(user: str) -> None:
    assert put_in(user) == {}


def test_a_number_gets_a_line_under_a_name_that_is_free_and_the_group_that_the_engine_gives() -> None:
    assert put_in("1000") == {"etc/passwd": f"{PASSWD}\nhodei2:x:1000:0::/:/bin/sh\n"}
    assert put_in("1000:50") == {"etc/passwd": f"{PASSWD}\nhodei2:x:1000:50::/:/bin/sh\n"}
    assert put_in("1000:1000")["etc/group"] == f"{GROUP}hodei:x:1000:\n"


def test_an_image_without_lists_gets_both() -> None:
    lists = {"etc/passwd": "hodei:x:5:6::/:/bin/sh\n", "etc/group": "hodei:x:6:\n"}
    assert put_in("5:6", None, None) == lists


def test_what_is_no_utf_8_comes_back_as_it_was() -> None:
    strange = b"j\xfcrgen:x:1:1::/:/bin/sh\n".decode("utf-8", "surrogateescape")
    assert put_in("5:0", strange)["etc/passwd"].startswith(strange)


def test_root_is_found_under_another_name() -> None:
    accounts = Accounts(PASSWD, GROUP)
    assert [accounts.uid_of(user) for user in ("toor", "hodei:1", "12:3", "nobody")] == [0, 7, 12, None]
