"""Which of several servers an agent calls."""

import pytest
from hodei_worker.servers import Servers
from hodei_worker.settings import SettingsError, read_settings


def test_the_servers_of_a_list_are_called_in_turn_beginning_anywhere() -> None:
    servers = Servers("a:1,b:2,c:3", lambda count: count - 1)
    called = [servers.current]
    for _ in range(3):
        servers.turn()
        called.append(servers.current)
    assert called == ["c:3", "a:1", "b:2", "c:3"]


def test_the_only_server_is_called_again() -> None:
    servers = Servers("a:1")
    servers.turn()
    assert servers.current == "a:1"


def test_the_others_of_a_list_may_lead_elsewhere_the_next_one_first() -> None:
    servers = Servers("a:1,b:2,c:3", lambda count: 1)
    assert list(servers.elsewhere()) == ["c:3", "a:1"]
    servers.go_to("a:1")
    assert (servers.current, list(servers.elsewhere())) == ("a:1", ["b:2", "c:3"])


def test_an_address_alone_may_stand_for_several_servers() -> None:
    assert set(Servers("a:1").elsewhere()) == {"a:1"}


def test_a_list_is_read_like_single_addresses() -> None:
    given = {"HODEI_OTP_TOKEN": "t", "HODEI_SERVER": "http://a:1, b ,[::1]:7"}
    assert read_settings(given).server == "a:1,b:50051,[::1]:7"
    with pytest.raises(SettingsError, match="HODEI_SERVER='a:1,https://b'"):
        read_settings({**given, "HODEI_SERVER": "a:1,https://b"})
