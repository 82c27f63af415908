import pytest
from hodei_domain.kernel.addresses import join


@pytest.mark.parametrize(
    ("host", "written"), [("localhost", "localhost:80"), ("10.0.0.7", "10.0.0.7:80"), ("::1", "[::1]:80")]
)
def test_only_the_host_of_an_ipv6_address_stands_in_brackets(host: str, written: str) -> None:
    assert join(host, 80) == written
