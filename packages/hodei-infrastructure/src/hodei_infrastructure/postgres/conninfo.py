"""The address of a database: read by libpq's own rules, and shown without its password."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, timeout_from_conninfo

EXAMPLE = "postgres://user:password@host:5432/name"
SCHEMES = ("postgres://", "postgresql://")
ENCODE = "write such characters of the password as %XX: @ as %40, / as %2F, % as %25"
SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)

# What libpq would say only when it connects. Its own lists, of version 18.
_CHOICES = {
    "sslmode": "disable allow prefer require verify-ca verify-full",
    "target_session_attrs": "any read-write read-only primary standby prefer-standby",
    "gssencmode": "disable prefer require",
    "channel_binding": "disable prefer require",
    "load_balance_hosts": "disable random",
    "sslnegotiation": "postgres direct",
}
_NUMBERS = (
    *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    "tcp_user_timeout",
)


class BadAddress(ValueError):
    """The text is no address of a database; the message says what to do, and repeats nothing secret."""


def read(text: str) -> dict[str, str]:
    """The parameters of a URL or of `key=value` words. Raise BadAddress."""
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except ProgrammingError as error:
        raise BadAddress(_said(text, str(error))) from None
    _look(found)
    return found


def _said(text: str, error: str) -> str:
    """libpq's words quote the text, password and all; only the name of a parameter is passed on."""
    if not text.startswith(SCHEMES):
        return f"no URL of a Postgres database; write {EXAMPLE}"
    if error.startswith("invalid URI query parameter"):
        name = error.split('"')[1]
        hint = "; write options=-csearch_path%3DNAME" if name == "schema" else ""
        return f"libpq knows no parameter {name!r}{hint}"
    if "percent-encoded" in error or "unexpected spaces" in error:
        return f"libpq cannot read it; {ENCODE}"
    return f"no URL of a Postgres database; write {EXAMPLE}"


def _look(found: dict[str, str]) -> None:
    hosts, name = found.get("host", ""), found.get("dbname", "")
    ports = [port for port in found.get("port", "").split(",") if port]
    # The end of a password with an @ or / in it is taken for something else, and would be shown as that.
    if "@" in hosts or "@" in name or not all(port.isdecimal() for port in ports):
        raise BadAddress(f"host, port or name of the database cannot be right; {ENCODE}")
    for port in ports:
        if not 0 < int(port) < 65536:
            raise BadAddress(f"{port} is no port; write {EXAMPLE}")
    for parameter, words in _CHOICES.items():
        if parameter in found and found[parameter] not in words.split():
            raise BadAddress(f"{parameter}={found[parameter]}: write one of {words.replace(' ', ', ')}")
    for parameter in _NUMBERS:
        if parameter in found and not found[parameter].lstrip("-").isdecimal():
            raise BadAddress(f"{parameter}={found[parameter]}: write a whole number")
    timeout_from_conninfo(dict(found))


def shown(text: str) -> str:
    """The same address as a URL, with three stars for each secret."""
    try:
        found = read(text)
    except BadAddress:
        return "***"
    return url_of({name: "***" if name in SECRETS else value for name, value in found.items()})


def url_of(found: dict[str, str]) -> str:
    """The URL of these parameters."""
    left = dict(found)
    user, password = left.pop("user", ""), left.pop("password", "")
    who = quote(user, safe="") + (f":{quote(password, safe='*')}" if password else "")
    hosts, ports = left.pop("host", ""), left.pop("port", "")
    if hosts.startswith("/") or ",/" in hosts:  # directories of sockets are no hosts of a URL
        left["host"], where = hosts, ""
        if ports:
            left["port"] = ports
    else:
        where = _places(hosts.split(","), ports.split(","))
    name = quote(left.pop("dbname", ""), safe="")
    query = urlencode(left, safe="/,*", quote_via=quote)
    return f"postgresql://{who}{'@' if who else ''}{where}/{name}{'?' if query else ''}{query}"


def _places(hosts: list[str], ports: list[str]) -> str:
    every = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    named = (f"[{host}]" if ":" in host else host for host in hosts)
    return ",".join(f"{host}:{port}" if port else host for host, port in zip(named, every, strict=True))
